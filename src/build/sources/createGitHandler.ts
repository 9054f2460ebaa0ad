import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { findEngineError, redactUrl, wrapError } from "#errors";
import type { LayerIngests, LayerReads } from "#layers";
import type { CacheOwner } from "../graph/cacheOwner.ts";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { Filesystem, GitSource } from "../graph/operation.ts";
import { directoryTar } from "./directoryTar.ts";
import { openGitAccess } from "./gitAccess.ts";
import { checkOut, fetchGit, resolveGit } from "./gitCheckout.ts";
import type { Resolved } from "./gitCheckout.ts";
import { GitRepositories } from "./gitRepositories.ts";
import { rememberSource } from "./resolvedSources.ts";
import { layerOf } from "./sourceLayer.ts";

export interface GitHandlerRooms {
  readonly layers: LayerIngests & Pick<LayerReads, "get">;
  readonly dataRoot: string;
  /** ms since 1970 */
  readonly now: () => number;
}

type GitStep = Step<GitSource>;

/** Repositories that were fetched stay, for the next build; `repositories` lists and removes them. */
export interface GitHandler extends OperationHandler<GitSource> {
  readonly repositories: CacheOwner;
}

/** Checkouts of git repositories, each a layer whose key is its commit: a branch is looked up at its remote every time. */
export function createGitHandler({ layers, dataRoot, now }: GitHandlerRooms): GitHandler {
  const folder = join(dataRoot, "buildkit", "git");
  const repositories = new GitRepositories(folder, now);
  const resolved = new WeakMap<GitSource, Promise<Resolved>>();
  const resolve = (step: GitStep): Promise<Resolved> => {
    const known = resolved.get(step.operation) ?? resolveStep(step, repositories, dataRoot);
    resolved.set(step.operation, known);
    return known;
  };
  return {
    repositories,
    async keyInputs(step) {
      const { keepGitDirectory, subdirectory = "", ref = "", remote } = step.operation;
      const { commit } = await resolve(step);
      rememberSource(step, { sha1: commit });
      const git = keepGitDirectory ? { git: `${redactUrl(remote)}#${ref}` } : {};
      return { values: { commit, subdirectory, ...git } };
    },
    run: async (step) => bring(step, await resolve(step), { layers, repositories, dataRoot }),
  };
}

function resolveStep(step: GitStep, repositories: GitRepositories, dataRoot: string): Promise<Resolved> {
  const { operation, session, signal } = step;
  return explained(operation, async () => {
    await using access = await openGitAccess(operation.remote, session, { folder: folderOf(dataRoot), signal });
    return await repositories.use(operation.remote, access, (directory) => resolveGit(operation, directory, access));
  });
}

/** Sockets and work trees that last as long as a step. */
function folderOf(dataRoot: string): string {
  return join(dataRoot, "buildkit", "tmp");
}

async function explained<T>({ remote }: GitSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (findEngineError(error)?.details?.["exitCode"] === undefined) throw error;
    throw wrapError(error, `failed to fetch remote ${redactUrl(remote)}`);
  }
}

async function bring(
  { operation, session, signal, lease, progress }: GitStep,
  resolved: Resolved,
  rooms: Pick<GitHandlerRooms, "layers" | "dataRoot"> & { readonly repositories: GitRepositories },
): Promise<Filesystem> {
  const folder = folderOf(rooms.dataRoot);
  const target = join(folder, randomUUID());
  try {
    return await explained(operation, async () => {
      await using access = await openGitAccess(operation.remote, session, { folder, signal });
      progress.log(1, Buffer.from(`${resolved.commit}\t${resolved.ref ?? resolved.commit}\n`));
      const root = await rooms.repositories.use(operation.remote, access, async (directory) => {
        await fetchGit(resolved, directory, access);
        return await checkOut(operation, resolved, { directory, target, access });
      });
      const diffId = await layerOf(rooms, directoryTar(root), { lease, signal });
      return { kind: "layers", diffIds: [diffId] };
    });
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}
