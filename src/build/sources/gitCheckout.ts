import { lstat, mkdir, readdir, realpath, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { GitSource } from "../graph/operation.ts";
import { runGit } from "./gitProgram.ts";
import type { GitAccess } from "./gitProgram.ts";

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** What a ref stands for at the remote. */
export interface Resolved {
  readonly commit: string;
  /** `refs/heads/main`; undefined: the commit itself was named. */
  readonly ref: string | undefined;
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** @throws {not_found} `repository does not contain ref x`; {invalid_argument} a checksum that does not fit */
export async function resolveGit(source: GitSource, directory: string, access: GitAccess): Promise<Resolved> {
  const { ref = "HEAD", remote, checksum } = source;
  if (ref.startsWith("-") || remote.startsWith("-")) throw refused(`invalid git ref ${JSON.stringify(ref)}`);
  const resolved = COMMIT.test(ref) ? { commit: ref, ref: undefined } : await askRemote(ref, directory, access);
  if (checksum !== undefined && !resolved.commit.startsWith(checksum))
    throw refused(`expected checksum to match ${checksum}, got ${resolved.commit}`);
  return resolved;
}

async function askRemote(ref: string, directory: string, access: GitAccess): Promise<Resolved> {
  const { stdout } = await runGit(access, ["--git-dir", directory, "ls-remote", "origin", ref, `${ref}^{}`]);
  const listed = new Map(
    stdout.split("\n").flatMap((line) => {
      const [commit = "", name = ""] = line.split("\t");
      return COMMIT.test(commit) ? [[name, commit] as const] : [];
    }),
  );
  // Branches before tags, as git checkout has it; an annotated tag stands for its commit.
  for (const name of [ref, `refs/${ref}`, `refs/heads/${ref}`, `refs/tags/${ref}`]) {
    const commit = listed.get(`${name}^{}`) ?? listed.get(name);
    if (commit !== undefined) return { commit, ref: name };
  }
  const message = `repository does not contain ref ${ref}, output: ${JSON.stringify(stdout)}`;
  throw new EngineError("not_found", ErrorCode.SOURCE_FAILED, message);
}

/** Brings the commit into the bare repository; as little of the history as the remote gives. */
export async function fetchGit(resolved: Resolved, directory: string, access: GitAccess): Promise<void> {
  const git = ["--git-dir", directory];
  if (await has(resolved.commit, directory, access)) return;
  // A crash of an earlier fetch may have left its lock.
  await rm(join(directory, "shallow.lock"), { force: true });
  try {
    await runGit(access, [...git, "fetch", "-u", "--depth=1", "--no-tags", "origin", resolved.commit]);
    return;
  } catch (error) {
    if (access.signal.aborted) throw error; // else: a remote that gives refs only
  }
  const wanted = resolved.ref === undefined ? "refs/heads/*:refs/remotes/origin/*" : resolved.ref;
  const depth = resolved.ref === undefined ? ["--tags"] : ["--depth=1", "--no-tags"];
  await runGit(access, [...git, "fetch", "-u", "--force", ...depth, "origin", wanted]);
  if (await has(resolved.commit, directory, access)) return;
  throw new EngineError("not_found", ErrorCode.SOURCE_FAILED, `repository does not contain ref ${resolved.commit}`);
}

async function has(commit: string, directory: string, access: GitAccess): Promise<boolean> {
  try {
    await runGit(access, ["--git-dir", directory, "cat-file", "-e", `${commit}^{commit}`]);
    return true;
  } catch (error) {
    if (access.signal.aborted) throw error;
    return false;
  }
}

/** Makes a work tree in `target`, submodules too. Returns the directory that the source asks for. */
export async function checkOut(
  source: GitSource,
  { commit, ref }: Resolved,
  place: { readonly directory: string; readonly target: string; readonly access: GitAccess },
): Promise<string> {
  const { directory, target, access } = place;
  await mkdir(target, { recursive: true, mode: 0o755 });
  const git = (...args: readonly string[]): Promise<unknown> => runGit(access, args, target);
  await git("-c", "init.defaultBranch=master", "init", ".");
  // What a work tree is made of comes from our own repository; a name for the commit lets it be fetched.
  await runGit(access, ["--git-dir", directory, "update-ref", "refs/varve/checkout", commit]);
  const own = ["fetch", "-u", "--depth=1", "--no-tags", `file://${directory}`, "refs/varve/checkout"];
  await runGit({ ...access, isLocal: true }, own, target);
  await git("checkout", ...branchOf(ref), "FETCH_HEAD");
  await git("remote", "add", "origin", source.remote);
  if (await exists(join(target, ".gitmodules"))) await git("submodule", "update", "--init", "--recursive", "--depth=1");
  if (!source.keepGitDirectory) await dropGit(target);
  return source.subdirectory === undefined ? target : await within(target, source.subdirectory);
}

function branchOf(ref: string | undefined): readonly string[] {
  const branch = ref?.startsWith("refs/heads/") === true ? ref.slice("refs/heads/".length) : undefined;
  return branch === undefined ? ["--detach"] : ["-B", branch];
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

/** The root's `.git` directory, and the file of that name in each submodule. */
async function dropGit(directory: string): Promise<void> {
  await rm(join(directory, ".git"), { recursive: true, force: true });
  for (const entry of await readdir(directory, { withFileTypes: true }))
    if (entry.isDirectory()) await dropGit(join(directory, entry.name));
}

/** A subdirectory that does not lead out of the repository by a symlink. */
async function within(root: string, subdirectory: string): Promise<string> {
  const whole = await realpath(root);
  const found = await realpath(join(root, subdirectory)).catch(() => undefined);
  if (found !== undefined && (found === whole || found.startsWith(whole + sep)) && (await lstat(found)).isDirectory())
    return found;
  const message = `invalid subdir /${subdirectory}: failed to lstat "${subdirectory}": statat ${subdirectory}: no such file or directory`;
  throw new EngineError("not_found", ErrorCode.SOURCE_FAILED, message);
}
