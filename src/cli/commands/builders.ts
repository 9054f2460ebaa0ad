import { Builders, failing, platformsOf, statusOf } from "../builders/builders.ts";
import type { Builder, NodeStatus } from "../builders/builders.ts";
import { nameOf } from "../builders/nodes.ts";
import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { versionLine } from "../core/versionLine.ts";
import { listFormat, renderList } from "../format/table.ts";
import { alignColumns } from "../format/tabwriter.ts";
import { goTimeOf } from "../format/shape.ts";
import { GoStruct } from "../template/value.ts";
import type { GoField, GoValue } from "../template/value.ts";
import { confirm } from "../stream/prompt.ts";

const BUILDER = stringFlag(undefined, "Override the configured builder instance");
const TABLE = "{{.Name}}\t{{.DriverEndpoint}}\t{{.Status}}\t{{.Buildkit}}\t{{.Platforms}}";
const TITLES = {
  Name: "NAME/NODE",
  DriverEndpoint: "DRIVER/ENDPOINT",
  LastActivity: "LAST ACTIVITY",
  Status: "STATUS",
  Buildkit: "BUILDKIT",
  Platforms: "PLATFORMS",
};
const INDENT = " \\_ ";
const NEVER = "0001-01-01T00:00:00Z";
const REMOVE_WARNING =
  "WARNING! This will remove all builders that are not in running state. Are you sure you want to continue?";
const FEATURES = ["Cache export", "Docker exporter", "Multi-platform build", "OCI exporter"];

interface Loaded {
  readonly builder: Builder;
  readonly nodes: readonly NodeStatus[];
}

async function loaded(session: Session, builder: Builder): Promise<Loaded> {
  return { builder, nodes: await Promise.all(builder.Nodes.map((node) => statusOf(session, node))) };
}

type Pairs = Readonly<Record<string, GoValue>>;

function ordered(typeName: string, pairs: Pairs): GoStruct {
  return new GoStruct(
    typeName,
    Object.entries(pairs).map(([name, value]) => ({ name, get: () => value, omitEmpty: value === undefined })),
    true,
  );
}

const unlessEmpty = <T extends object>(value: T | null): T | undefined =>
  value === null || Object.keys(value).length === 0 ? undefined : value;

function nodeJson({ node, status, problem, id, version, platforms, labels }: NodeStatus): GoStruct {
  const fixed = (node.Platforms ?? []).map(nameOf);
  return ordered("builder.Node", {
    Name: node.Name,
    Endpoint: node.Endpoint,
    Flags: unlessEmpty(node.Flags),
    DriverOpts: unlessEmpty(node.DriverOpts),
    Files: unlessEmpty(node.Files),
    Status: status,
    Version: version === "" ? undefined : version,
    Err: problem,
    IDs: id === undefined ? undefined : [id],
    Platforms: unlessEmpty([...fixed, ...platforms.filter((name) => !fixed.includes(name))]),
    Labels: unlessEmpty(labels),
  });
}

function builderJson({ builder, nodes }: Loaded): GoStruct {
  return ordered("builder.Builder", {
    Name: builder.Name,
    Driver: builder.Driver,
    LastActivity: builder.lastActivity ?? NEVER,
    Dynamic: builder.Dynamic,
    Nodes: nodes.map(nodeJson),
  });
}

/** A row of `ls`: fields for templates; in JSON always the whole builder, as buildx has it. */
class BuilderRow extends GoStruct {
  constructor(found: Loaded, columns: Readonly<Record<keyof typeof TITLES, string>>, problem: string) {
    const shown: readonly GoField[] = Object.entries({ ...columns, Error: problem }).map(([name, value]) => ({
      name,
      get: () => value,
      omitEmpty: true,
      inJson: () => undefined,
    }));
    const whole = builderJson(found).fields.map((field) => ({
      ...field,
      name: `json ${field.name}`,
      json: field.name,
    }));
    super("*commands.lsContext", [...shown, ...whole], true);
  }
}

function rowsOf(found: Loaded, current: string, isTable: boolean): readonly BuilderRow[] {
  const { builder, nodes } = found;
  const indent = isTable ? INDENT : "";
  const own = new BuilderRow(
    found,
    {
      Name: `${builder.Name}${isTable && builder.Name === current ? "*" : ""}`,
      DriverEndpoint: builder.Driver,
      LastActivity: builder.lastActivity ?? "",
      Status: "",
      Buildkit: "",
      Platforms: "",
    },
    "",
  );
  const rows = nodes.map(
    (node) =>
      new BuilderRow(
        found,
        {
          Name: indent + node.node.Name,
          DriverEndpoint: indent + node.node.Endpoint,
          LastActivity: "",
          Status: node.status,
          Buildkit: node.version,
          Platforms: platformsOf(node).join(", "),
        },
        node.problem ?? "",
      ),
  );
  return [own, ...rows];
}

/** `varve buildx ls`. */
export const builderList: Command = defineCommand({
  use: "",
  short: "List builder instances",
  args: { min: 0, max: 0 },
  flags: { format: stringFlag(undefined, "Format the output", { shownDefault: '"table"' }) },
  async run({ session, flags }) {
    await failing(async () => {
      const builders = new Builders(session);
      const current = builders.find("", {}).Name;
      const all = await Promise.all(builders.all().map((builder) => loaded(session, builder)));
      const format = listFormat(flags.format, TABLE);
      session.print(
        renderList(
          format,
          TITLES,
          all.flatMap((one) => rowsOf(one, current, format.isTable)),
        ),
      );
      const failed = all.flatMap(({ builder, nodes }) =>
        nodes.flatMap(({ node, problem }) =>
          problem === undefined ? [] : [`Failed to get status for ${builder.Name} (${node.Name}): ${problem}`],
        ),
      );
      if (format.isTable && failed.length > 0) session.warn(`\n${failed.join("\n")}`);
    });
    return undefined;
  },
});

const sorted = (map: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));

function nodeLines(found: NodeStatus, isDebug: boolean): readonly string[] {
  const { node, status, problem, version, labels } = found;
  const options = sorted(node.DriverOpts ?? {}).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const lines = [`Name:\t${node.Name}`, `Endpoint:\t${node.Endpoint}`];
  if (options.length > 0) lines.push(`Driver Options:\t${options.join(" ")}`);
  if (problem !== undefined) return [...lines, `Error:\t${problem}`];
  lines.push(`Status:\t${status}`);
  if ((node.Flags ?? []).length > 0) lines.push(`BuildKit daemon flags:\t${(node.Flags ?? []).join(" ")}`);
  if (version !== "") lines.push(`BuildKit version:\t${version}`);
  const platforms = platformsOf(found);
  if (platforms.length > 0) lines.push(`Platforms:\t${platforms.join(", ")}`);
  if (isDebug) lines.push("Features:", ...FEATURES.map((feature) => `\t${feature}:\ttrue`));
  if (Object.keys(labels).length > 0)
    lines.push("Labels:", ...sorted(labels).map(([key, value]) => `\t${key}:\t${value}`));
  return lines;
}

function inspectText({ builder, nodes }: Loaded, isDebug: boolean): string {
  const lines = [`Name:\t${builder.Name}`, `Driver:\t${builder.Driver}`];
  if (builder.lastActivity !== undefined) lines.push(`Last Activity:\t${goTimeOf(builder.lastActivity)}`);
  const blocks = nodes.map((node) => nodeLines(node, isDebug));
  lines.push("", "Nodes:", ...blocks.flatMap((block, at) => (at === 0 ? block : ["", ...block])));
  return alignColumns(lines, { minWidth: 0, padding: 1 })
    .map((line) => `${line}\n`)
    .join("");
}

/** `varve buildx inspect`. */
export const builderInspect: Command = defineCommand({
  use: "[NAME]",
  short: "Inspect current builder instance",
  args: { min: 0, max: 1 },
  flags: { bootstrap: boolFlag(undefined, "Ensure builder has booted before inspecting"), builder: BUILDER },
  async run({ session, flags, args: [name = flags.builder] }) {
    await failing(async () => {
      const found = await loaded(session, new Builders(session).find(name));
      const dead = found.nodes.find(({ status }) => status !== "running");
      if (flags.bootstrap && dead !== undefined)
        throw new Error(dead.problem ?? `nothing answers at ${dead.node.Endpoint}, node ${dead.node.Name}`);
      session.print(inspectText(found, session.global.debug));
    });
    return undefined;
  },
});

function use(session: Session, name: string, how: { readonly global: boolean; readonly default: boolean }): void {
  const builders = new Builders(session);
  let why: string;
  try {
    if (builders.store.find(name) !== undefined) return builders.store.use(builders.endpoint, name, how);
    why = builders.store.absence(name);
  } catch (error) {
    why = messageOf(error);
  }
  const { context } = session.chosen;
  if (name === context) return builders.store.use(builders.endpoint, "", { global: false, default: false });
  if (name === "default") throw new Error("run `docker context use default` to switch to default context");
  if (builders.isContext(name)) throw new Error(`run \`docker context use ${name}\` to switch to context ${name}`);
  throw new Error(`failed to find instance ${JSON.stringify(name)}: ${why}`);
}

/** `varve buildx use`. */
export const builderUse: Command = defineCommand({
  use: "[OPTIONS] NAME",
  short: "Set the current builder instance",
  args: { min: 0, max: 1 },
  flags: {
    builder: BUILDER,
    default: boolFlag(undefined, "Set builder as default for current context"),
    global: boolFlag(undefined, "Builder persists context changes"),
  },
  async run({ session, flags, args: [name = flags.builder] }) {
    await failing(() => use(session, name, { global: flags.global, default: flags.default }));
    return undefined;
  },
});

function remove(builders: Builders, name: string): void {
  const builder = builders.find(name);
  if (builder.isContext)
    throw new Error(
      `context builder cannot be removed, run \`docker context rm ${builder.Name}\` to remove this context`,
    );
  builders.store.remove(builder.Name);
}

async function removeInactive(session: Session): Promise<void> {
  const builders = new Builders(session);
  const created = builders.all().filter(({ isContext }) => !isContext);
  for (const { builder, nodes } of await Promise.all(created.map((one) => loaded(session, one)))) {
    if (nodes.some(({ status }) => status === "running")) continue;
    builders.store.remove(builder.Name);
    session.warn(`${builder.Name} removed`);
  }
}

/** `varve buildx rm`: the record goes; daemons and what they keep stay. */
export const builderRemove: Command = defineCommand({
  use: "[OPTIONS] [NAME] [NAME...]",
  short: "Remove one or more builder instances",
  args: { min: 0 },
  flags: {
    "all-inactive": boolFlag(undefined, "Remove all inactive builders"),
    builder: BUILDER,
    force: boolFlag("f", "Do not prompt for confirmation"),
    "keep-daemon": boolFlag(undefined, "Keep the BuildKit daemon running"),
    "keep-state": boolFlag(undefined, "Keep BuildKit state"),
  },
  async run({ session, flags, args }) {
    if (flags["all-inactive"]) {
      if (args.length > 0) throw new CommandError("ERROR: cannot specify builder name when --all-inactive is set");
      if (!flags.force && !(await confirm(session, REMOVE_WARNING))) return undefined;
      await failing(() => removeInactive(session));
      return undefined;
    }
    const builders = new Builders(session);
    let isFailed = false;
    for (const name of args.length > 0 ? args : [flags.builder]) {
      try {
        remove(builders, name);
        session.warn(`${name} removed`);
      } catch (error) {
        isFailed = true;
        session.warn(`failed to remove ${name}: ${messageOf(error)}`);
      }
    }
    if (isFailed) throw new CommandError("ERROR: failed to remove one or more builders");
    return undefined;
  },
});

/** `varve buildx stop`. */
export const builderStop: Command = defineCommand({
  use: "[NAME]",
  short: "Stop builder instance",
  args: { min: 0, max: 1 },
  flags: { builder: BUILDER },
  async run({ session, flags, args: [name = flags.builder] }) {
    // A builder is a daemon, which has more to do: it goes on, as with docker's own driver.
    await failing(() => new Builders(session).find(name));
    return undefined;
  },
});

/** `varve buildx version`. */
export const builderVersion: Command = defineCommand({
  use: "",
  short: "Show buildx version information",
  args: { min: 0, max: 0 },
  flags: {},
  async run({ session }) {
    session.print(`${versionLine()}\n`);
    return undefined;
  },
});
