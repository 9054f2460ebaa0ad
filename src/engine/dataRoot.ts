import { mkdir, open, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { bootId, lockFile } from "#host";

/** A data root that this process owns until it is disposed. */
export interface DataRoot extends AsyncDisposable {
  readonly path: string;
  /**
   * True when the machine went down under the last daemon (another boot id and no clean stop): what was not synced may be
   * damaged and must be verified. A daemon that was only killed loses nothing: the page cache lived on.
   */
  readonly uncleanBoot: boolean;
  /** Called once what an unclean boot may have damaged is verified: a daemon killed before that verifies again. */
  markRunning(): Promise<void>;
  /** Called after everything is flushed at a clean stop. */
  markClean(): Promise<void>;
}

const STATE = "state";

async function readState(path: string): Promise<{ readonly boot: string; readonly clean: boolean } | undefined> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [boot = "", word = ""] = text.trim().split(" ");
  return { boot, clean: word === "clean" };
}

/** On the disk when it resolves, whole or not at all: the file decides whether a power cut is noticed. */
async function writeState(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { flush: true });
  await rename(`${path}.new`, path);
  const folder = await open(dirname(path));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Makes the data root if needed and takes its lock.
 * @throws {unavailable} DAEMON_RUNNING in one line that names the root and the other daemon's pid.
 */
export async function openDataRoot(path: string): Promise<DataRoot> {
  await mkdir(path, { recursive: true, mode: 0o710 });
  const lockPath = join(path, "lock");
  const lock = await lockFile(lockPath);
  if (lock === undefined) {
    const pid = (await readFile(lockPath, "utf8").catch(() => "")).trim();
    throw new EngineError(
      "unavailable",
      ErrorCode.DAEMON_RUNNING,
      `data root ${path} is in use by another varve daemon${pid === "" ? "" : ` (pid ${pid})`}`,
      {
        hint: "use it through its socket, stop it first, or give this one another --data-root",
      },
    );
  }
  await writeFile(lockPath, String(process.pid));
  const statePath = join(path, STATE);
  const [before, boot] = [await readState(statePath), await bootId()];
  return {
    path,
    uncleanBoot: before !== undefined && before.boot !== boot && !before.clean,
    markRunning: () => writeState(statePath, `${boot} dirty\n`),
    markClean: () => writeState(statePath, `${boot} clean\n`),
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
  };
}
