import { readFileSync } from "node:fs";
import { Builders, failing, statusOf } from "../builders/builders.ts";
import type { BuilderRecord } from "../builders/builderStore.ts";
import { withNode, withoutNode } from "../builders/nodes.ts";
import { chooseHost, parseHost } from "#client";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { aliasFlag, boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import type { FlagValues } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { fileProblem } from "../options/fileProblem.ts";

const DEFAULT = "default";
const CONTAINER = "docker-container";
const REMOTE = "remote";
const ADJECTIVES =
  "amber brisk calm clever eager fond gentle keen lucid mellow nimble quiet sunny tidy vivid wise".split(" ");
const NOUNS = "basalt clay delta dune flint gneiss gypsum loam marl moraine quartz schist shale silt slate tuff".split(
  " ",
);

const config = stringFlag(undefined, "BuildKit daemon config file");

const FLAGS = {
  append: boolFlag(undefined, "Append a node to builder instead of changing it"),
  bootstrap: boolFlag(undefined, "Boot builder after creation"),
  "buildkitd-config": config,
  config: aliasFlag(config, "buildkitd-config"),
  "buildkitd-flags": stringFlag(undefined, "BuildKit daemon flags"),
  driver: stringFlag(undefined, 'Driver to use (available: "docker-container", "remote")'),
  "driver-opt": { ...listFlag(undefined, "Options for the driver"), typeName: "stringArray" },
  leave: boolFlag(undefined, "Remove a node from builder instead of changing it"),
  name: stringFlag(undefined, "Builder instance name"),
  node: stringFlag(undefined, "Create/modify node with given name"),
  platform: { ...listFlag(undefined, "Fixed platforms for current node"), typeName: "stringArray" },
  use: boolFlag(undefined, "Set the current builder instance"),
};

type CreateFlags = FlagValues<typeof FLAGS>;

const pick = (words: readonly string[]): string => words[Math.floor(Math.random() * words.length)] ?? "";

function freeName(builders: Builders): string {
  for (;;) {
    const name = `${pick(ADJECTIVES)}_${pick(NOUNS)}`;
    if (builders.store.find(name) === undefined) return name;
  }
}

function checkDriver(driver: string): void {
  if (driver === "docker") throw new Error('additional instances of driver "docker" cannot be created');
  if (driver === "kubernetes")
    throw new Error(
      'driver "kubernetes" starts builders in a cluster, which varve does not: name the address of a daemon',
    );
  if (driver !== CONTAINER && driver !== REMOTE) throw new Error(`failed to find driver ${JSON.stringify(driver)}`);
}

/** A builder without a driver of its own is one that both clients can use as it is: a daemon's address. */
function driverOf(flags: CreateFlags, known: BuilderRecord | undefined): string {
  const driver = flags.driver || (known?.Driver ?? REMOTE);
  if (known !== undefined) {
    if (flags.node === "" && !flags.append) {
      const what = `existing instance for ${JSON.stringify(known.Name)}`;
      throw new Error(`${what} but no append mode, specify the node name to make changes for existing instances`);
    }
    if (driver !== known.Driver) {
      const what = `existing instance for ${JSON.stringify(known.Name)}`;
      throw new Error(`${what} but has mismatched driver ${JSON.stringify(known.Driver)}`);
    }
  }
  checkDriver(driver);
  return driver;
}

/** Options that buildx's own drivers take, so that it can read what we write. */
const OPTIONS: Readonly<Record<string, RegExp>> = {
  [CONTAINER]:
    /^(?:network|image|memory|memory-swap|cpu-(?:quota|period|shares)|cpuset-(?:cpus|mems)|cgroup-parent|restart-policy|default-load|env\..+)$/,
  [REMOTE]: /^(?:cacert|cert|key|servername|default-load)$/,
};

function checkOptions(builder: BuilderRecord): void {
  for (const { Name, DriverOpts } of builder.Nodes) {
    const wrong = Object.keys(DriverOpts ?? {}).find((key) => OPTIONS[builder.Driver]?.test(key) !== true);
    if (wrong === undefined) continue;
    const what = `failed to initialize builder ${builder.Name} (${Name})`;
    throw new Error(`${what}: invalid driver option ${wrong} for ${builder.Driver} driver`);
  }
}

/** Where a node's daemon is, as it is recorded. */
function endpointOf(session: Session, builders: Builders, driver: string, given: string): string {
  const named = given === "" && driver === REMOTE ? (process.env["BUILDKIT_HOST"] ?? "") : given;
  if (named === "")
    return session.chosen.context === DEFAULT || driver === CONTAINER ? builders.endpoint : session.chosen.host.address;
  if (builders.isContext(named)) {
    if (named === DEFAULT) return session.chosen.host.address;
    const { host, tls } = chooseHost({ context: named }, session.config);
    // An address alone would lose the keys.
    return driver === CONTAINER || tls !== undefined ? named : host.address;
  }
  const scheme = /^([a-z-]+):\/\//.exec(named)?.[1];
  if (driver === REMOTE && scheme !== undefined && scheme !== "unix" && scheme !== "tcp")
    throw new Error(`unrecognized url scheme ${scheme}`);
  return parseHost(named, false).address;
}

function daemonFiles(path: string): Readonly<Record<string, string>> | undefined {
  if (path === "") return undefined;
  try {
    return { "buildkitd.toml": readFileSync(path).toString("base64") };
  } catch (error) {
    throw new Error(fileProblem(error, "open", path), { cause: error });
  }
}

/** What buildx gives the BuildKit that it would start; kept so that both clients show the same. */
function daemonFlags(driver: string, text: string): readonly string[] | undefined {
  const given = text.split(/\s+/).filter((word) => word !== "");
  const isAllowed = given.some((word) => word.startsWith("--allow-insecure-entitlement"));
  if (driver === CONTAINER && !isAllowed) return [...given, "--allow-insecure-entitlement=network.host"];
  return given.length === 0 ? undefined : given;
}

function nameFor(builders: Builders, flags: CreateFlags): { readonly name: string; readonly known?: BuilderRecord } {
  if (flags.name === DEFAULT)
    throw new Error("default is a reserved name and cannot be used to identify builder instance");
  if (flags.append && flags.name === "") throw new Error("append requires a builder name");
  const name = flags.name || freeName(builders);
  if (!flags.append && builders.isContext(name))
    throw new Error(`instance name ${JSON.stringify(name)} already exists as context builder`);
  const known = builders.store.find(name);
  if (known === undefined && flags.append)
    throw new Error(`failed to find instance ${JSON.stringify(name)} for append`);
  return { name, ...(known === undefined ? {} : { known }) };
}

function leave(builders: Builders, flags: CreateFlags): void {
  if (flags.name === "") throw new Error("leave requires instance name");
  if (flags.node === "") throw new Error("leave requires node name");
  const known = builders.store.find(flags.name);
  if (known === undefined) throw new Error(`failed to find instance ${JSON.stringify(flags.name)} for leave`);
  builders.store.save(withoutNode(known, flags.node));
}

async function created(session: Session, flags: CreateFlags, given: string): Promise<void> {
  const builders = new Builders(session);
  if (flags.leave) return leave(builders, flags);
  const { name, known } = nameFor(builders, flags);
  const driver = driverOf(flags, known);
  // A new builder without both is one of this daemon.
  const isPlain = flags.driver === "" && known === undefined;
  if (driver === REMOTE && !isPlain && given === "" && (process.env["BUILDKIT_HOST"] ?? "") === "")
    throw new Error("no remote endpoint provided");
  const endpoint = endpointOf(session, builders, driver, given);
  const { builder, isRestartNeeded } = withNode(known ?? { Name: name, Driver: driver, Nodes: [], Dynamic: false }, {
    name: flags.node,
    endpoint,
    isEndpointGiven: given !== "" || (driver === REMOTE && !isPlain),
    append: flags.append,
    platforms: flags.platform,
    driverOptions: flags["driver-opt"],
    flags: daemonFlags(driver, flags["buildkitd-flags"]),
    files: daemonFiles(flags["buildkitd-config"]),
  });
  checkOptions(builder);
  if (isRestartNeeded) session.warn("WARNING: new settings may not be used until builder is restarted");
  builders.store.save(builder);
  if (driver === CONTAINER)
    session.warn(`varve needs no container to build in: builder ${JSON.stringify(name)} is the daemon at ${endpoint}`);
  if (flags.use) builders.store.use(builders.endpoint, builder.Name, { global: false, default: false });
  if (flags.bootstrap) await booted(session, builder);
  session.print(`${builder.Name}\n`);
}

/** A daemon of varve's is started by whom it serves; here it is only asked. */
async function booted(session: Session, builder: BuilderRecord): Promise<void> {
  for (const node of builder.Nodes) {
    const { status, problem } = await statusOf(session, node);
    if (status !== "running") throw new Error(problem ?? `nothing answers at ${node.Endpoint}, node ${node.Name}`);
  }
}

/** `varve buildx create`. */
export const builderCreate: Command = defineCommand({
  use: "[OPTIONS] [CONTEXT|ENDPOINT]",
  short: "Create a new builder instance",
  examples: `buildx create --name far --use tcp://build.example.com:2376 --driver-opt cacert=ca.pem,cert=cert.pem,key=key.pem
buildx create --name both unix:///run/varve/varve.sock --platform linux/amd64
buildx create --name both --append --platform linux/arm64 tcp://arm.example.com:2375`,
  args: { min: 0, max: 1 },
  flags: FLAGS,
  async run({ session, flags, args: [given = ""] }) {
    await failing(() => created(session, flags, given));
    return undefined;
  },
});
