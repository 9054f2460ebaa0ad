import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isNotFound, isUnavailable, messageOf } from "#errors";
import type { VersionInfo } from "#engineapi";
import { parsePlatform } from "#oci";
import { CommandError, isCommandError } from "../core/commandError.ts";
import { openSession } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { BuilderStore } from "./builderStore.ts";
import type { BuilderRecord, NodeRecord } from "./builderStore.ts";
import { nameOf } from "./nodes.ts";

/** A builder: one that was created, or a context's own. */
export interface Builder extends BuilderRecord {
  /** Nobody created it: it is there with its context. */
  readonly isContext: boolean;
  readonly lastActivity: string | undefined;
}

/** How a node's daemon is. */
export interface NodeStatus {
  readonly node: NodeRecord;
  readonly status: "running" | "inactive" | "error";
  readonly problem?: string;
  readonly id?: string;
  readonly version: string;
  /** Of the daemon, e.g. `linux/arm/v7`. */
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const DRIVER = "docker";
const PATIENCE_MS = 20_000;

function contextNames(session: Session): readonly string[] {
  const folder = join(dirname(session.config.path), "contexts", "meta");
  let ids: readonly string[];
  try {
    ids = readdirSync(folder);
  } catch {
    // No context was ever made.
    return ["default"];
  }
  const named = ids.flatMap((id) => {
    try {
      const { Name } = JSON.parse(readFileSync(join(folder, id, "meta.json"), "utf8")) as { Name?: string };
      return Name === undefined ? [] : [Name];
    } catch {
      // Half a context is none.
      return [];
    }
  });
  return ["default", ...named].sort();
}

/** Builders of this user as they are recorded, and the one that is current. */
export class Builders {
  readonly store: BuilderStore;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.store = new BuilderStore(session.config);
  }

  /** What `current` in buildx's store is kept under: the context, or the address where there is none. */
  get endpoint(): string {
    const { context, host } = this.#session.chosen;
    return context === "default" ? host.address : context;
  }

  isContext(name: string): boolean {
    return contextNames(this.#session).includes(name);
  }

  /** Created ones by name, then contexts. */
  all(): readonly Builder[] {
    const created = this.store.list();
    const names = new Set(created.map(({ Name }) => Name));
    const contexts = contextNames(this.#session).filter((name) => !names.has(name));
    return [...created.map((record) => this.#created(record)), ...contexts.map((name) => this.#ofContext(name))];
  }

  /** The named one; BUILDX_BUILDER's; else the current one. @throws {Error} `no builder "x" found` */
  find(name: string, env: Readonly<Record<string, string | undefined>> = process.env): Builder {
    const wish = name === "" ? (env["BUILDX_BUILDER"] ?? "") : name;
    if (wish !== "") return this.#named(wish);
    const current = this.store.current(this.endpoint);
    return current === undefined ? this.#ofContext(this.#session.chosen.context) : this.#created(current);
  }

  #named(name: string): Builder {
    let record: BuilderRecord | undefined;
    try {
      record = this.store.find(name);
    } catch {
      // No name for a created one; a context may have it.
    }
    if (record !== undefined) return this.#created(record);
    if (this.isContext(name)) return this.#ofContext(name);
    throw new Error(`no builder ${JSON.stringify(name)} found`);
  }

  #created(record: BuilderRecord): Builder {
    return { ...record, isContext: false, lastActivity: this.store.lastActivity(record.Name) };
  }

  #ofContext(name: string): Builder {
    const node = { Name: name, Endpoint: name, Platforms: null, DriverOpts: null, Flags: null, Files: null };
    const lastActivity = this.store.lastActivity(name);
    return { Name: name, Driver: DRIVER, Nodes: [node], Dynamic: false, isContext: true, lastActivity };
  }
}

/** @throws {Error} for a builder that belongs to another context. */
export function checkContext(session: Session, builder: Builder): void {
  if (!builder.isContext || builder.Name === session.chosen.context) return;
  throw new Error(
    `use \`docker --context=${builder.Name} buildx\` to switch to context ${JSON.stringify(builder.Name)}`,
  );
}

/** A session with a node's daemon; this session itself where that is the same. Close what is not the same. */
export function sessionOf(session: Session, node: NodeRecord): Session {
  const { host: _host, context: _context, ...rest } = session.global;
  const { cacert: caFile, cert: certFile, key: keyFile } = node.DriverOpts ?? {};
  if (!/^\w+:\/\//.test(node.Endpoint)) {
    return node.Endpoint === session.chosen.context ? session : openSession({ ...rest, context: node.Endpoint });
  }
  if (node.Endpoint === session.chosen.host.address) return session;
  return openSession({
    ...rest,
    host: node.Endpoint,
    ...(caFile === undefined ? {} : { caFile, tlsVerify: true }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  });
}

interface WorkerReply {
  readonly id: string;
  readonly version: string;
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

async function asked(client: Session["client"]): Promise<Omit<NodeStatus, "node" | "status">> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await client.json<WorkerReply>({ path: "/varve/v1/build/worker", signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // Another engine: its builder speaks gRPC only, which is for buildx to ask.
    const { Os, Arch } = await client.json<VersionInfo>({ path: "/version", signal });
    return { version: "", platforms: [`${Os}/${Arch}`], labels: {} };
  }
}

/** Asks a node's daemon what it is. Never throws. */
export async function statusOf(session: Session, node: NodeRecord): Promise<NodeStatus> {
  const none = { node, version: "", platforms: [], labels: {} };
  try {
    const own = sessionOf(session, node);
    try {
      return { node, status: "running", ...(await asked(own.client)) };
    } finally {
      if (own !== session) await own[Symbol.asyncDispose]();
    }
  } catch (error) {
    if (isUnavailable(error)) return { ...none, status: "inactive" };
    return { ...none, status: "error", problem: messageOf(error) };
  }
}

/** Fixed ones with a star, then the daemon's. */
export function platformsOf({ node, platforms }: NodeStatus): readonly string[] {
  const fixed = (node.Platforms ?? []).map(nameOf);
  return [...fixed.map((name) => `${name}*`), ...platforms.filter((name) => !fixed.includes(name))];
}

/** The part of a build that a node does. */
export interface PlacedBuild {
  readonly node: NodeRecord;
  /** As the user wrote them; none: what the node builds by default. */
  readonly platforms: readonly string[];
}

/** A fixed platform wins, then what the daemon says it can run; where nobody can, the first node says so. */
function chosen(nodes: readonly NodeStatus[], platform: string): NodeRecord | undefined {
  const name = nameOf(parsePlatform(platform));
  const alive = nodes.filter(({ status }) => status === "running");
  const fixed = nodes.find(({ node }) => (node.Platforms ?? []).some((own) => nameOf(own) === name));
  const able = alive.find(({ platforms }) => platforms.includes(name));
  return (fixed ?? able ?? alive[0] ?? nodes[0])?.node;
}

/** Which nodes of a builder build which platforms; a builder of one node is not asked anything. */
export async function placeBuild(
  session: Session,
  builder: Builder,
  given: readonly string[],
): Promise<readonly PlacedBuild[]> {
  const platforms = given
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "");
  const [only, ...others] = builder.Nodes;
  if (only !== undefined && others.length === 0) return [{ node: only, platforms }];
  const nodes = await Promise.all(builder.Nodes.map((node) => statusOf(session, node)));
  const first = (nodes.find(({ status }) => status === "running") ?? nodes[0])?.node;
  if (platforms.length === 0) return first === undefined ? [] : [{ node: first, platforms }];
  const places = new Map<NodeRecord, string[]>();
  for (const platform of platforms) {
    const node = chosen(nodes, platform);
    if (node !== undefined) places.set(node, [...(places.get(node) ?? []), platform]);
  }
  return [...places].map(([node, own]) => ({ node, platforms: own }));
}

/** Does one thing with every node of a builder, one after the other, and gives what came of it. */
export async function onNodes<T>(
  session: Session,
  name: string,
  work: (own: Session) => Promise<T>,
): Promise<readonly T[]> {
  const builder = new Builders(session).find(name);
  checkContext(session, builder);
  const results: T[] = [];
  for (const node of builder.Nodes) {
    const own = sessionOf(session, node);
    try {
      results.push(await work(own));
    } finally {
      if (own !== session) await own[Symbol.asyncDispose]();
    }
  }
  return results;
}

/** buildx's way of failing: everything behind `ERROR:`. */
export async function failing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isCommandError(error)) throw error;
    throw new CommandError(`ERROR: ${messageOf(error)}`);
  }
}
