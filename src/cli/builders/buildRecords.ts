import { isNotFound } from "#errors";
import type { Session } from "../core/session.ts";
import { Builders, checkContext, sessionOf } from "./builders.ts";
import type { BuildState, NodeRecord } from "./builderStore.ts";

/** A record as a daemon gives it; times in ms since 1970. */
interface WireRecord {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly completedAt?: number;
  readonly error?: { readonly category: string; readonly message: string };
  readonly response: Readonly<Record<string, string>>;
  readonly totalSteps: number;
  readonly cachedSteps: number;
  readonly completedSteps: number;
}

/** A build that runs or ended, and where. */
export interface BuildRecord extends WireRecord {
  readonly builder: string;
  readonly node: NodeRecord;
  readonly state: BuildState | undefined;
  /** As lists show it: directory and target. */
  readonly name: string;
}

export const HISTORY_PATH = "/varve/v1/build/history";

const base = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** What a build is called: its own name, else its directory (or Dockerfile), remote context, target. */
function nameOf({ attributes }: WireRecord, state: BuildState | undefined): string {
  const own = attributes["build-arg:BUILDKIT_BUILD_NAME"] ?? "";
  if (own !== "") return own;
  const { LocalPath = "", DockerfilePath = "" } = state ?? {};
  const isLocal = LocalPath !== "" && LocalPath !== "-";
  const dockerfile = DockerfilePath === "-" ? "" : DockerfilePath;
  const folder = dockerfile.replace(/\/Dockerfile$/, "");
  let name = "";
  if (isLocal && folder.startsWith(`${LocalPath}/`)) name = `${base(LocalPath)}${folder.slice(LocalPath.length)}`;
  else if (isLocal) name = base(LocalPath);
  name = attributes["context"] ?? name;
  const target = attributes["target"] ?? "";
  if (target !== "") name = name === "" ? target : `${name} (${target})`;
  return name === "" ? (attributes["vcs:source"] ?? "") : name;
}

/** Does something with every node's session. */
async function eachNode<T>(
  session: Session,
  builderName: string,
  work: (own: Session, node: NodeRecord, builder: string) => Promise<T>,
): Promise<readonly T[]> {
  const builder = new Builders(session).find(builderName);
  checkContext(session, builder);
  const results: T[] = [];
  for (const node of builder.Nodes) {
    const own = sessionOf(session, node);
    try {
      results.push(await work(own, node, builder.Name));
    } finally {
      if (own !== session) await own[Symbol.asyncDispose]();
    }
  }
  return results;
}

/** Newest first, of all nodes of a builder. */
export async function listRecords(session: Session, builderName: string): Promise<readonly BuildRecord[]> {
  const { store } = new Builders(session);
  const all = await eachNode(session, builderName, async (own, node, builder) => {
    const records = await own.client.json<readonly WireRecord[]>({ path: HISTORY_PATH });
    return records.map((record): BuildRecord => {
      const state = store.readState({ builder, node: node.Name, ref: record.ref });
      return { ...record, builder, node, state, name: nameOf(record, state) };
    });
  });
  return all.flat().sort((a, b) => b.createdAt - a.createdAt);
}

/** `ref`, `builder/node/ref`, `^N` (N before the last), or the last one. @throws {Error} in buildx's words */
export async function findRecord(session: Session, builderName: string, wish: string): Promise<BuildRecord> {
  const records = await listRecords(session, builderName);
  if (wish.startsWith("^")) {
    if (!/^\^\d+$/.test(wish)) throw new Error(`invalid offset ${JSON.stringify(wish)}`);
    const offset = Number(wish.slice(1));
    const found = records.filter(({ completedAt }) => completedAt !== undefined)[offset];
    if (found === undefined) throw new Error(`no completed build found with offset ${offset}`);
    return found;
  }
  const ref = wish.slice(wish.lastIndexOf("/") + 1);
  const found = ref === "" ? records[0] : records.find((record) => record.ref === ref);
  if (found !== undefined) return found;
  throw new Error(ref === "" ? "no records found" : `no record found for ref ${JSON.stringify(wish)}`);
}

/** @throws {Error} when no node has it, or it runs. */
export async function removeRecord(session: Session, builderName: string, wish: string): Promise<void> {
  const { store } = new Builders(session);
  const ref = wish.slice(wish.lastIndexOf("/") + 1);
  const removed = await eachNode(session, builderName, async (own, node, builder) => {
    try {
      await own.client.text({ method: "DELETE", path: HISTORY_PATH, query: { ref } });
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
    store.removeState({ builder, node: node.Name, ref });
    return true;
  });
  if (!removed.includes(true)) throw new Error(`no record found for ref ${JSON.stringify(wish)}`);
}
