import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";
import { fileProblem } from "../options/fileProblem.ts";

/** The file of `--cidfile`: made before the container is, so that a path that cannot be written fails early. */
export interface CidFile extends Disposable {
  write(id: string): void;
}

class OpenCidFile implements CidFile {
  readonly #path: string;
  readonly #descriptor: number;
  #isWritten = false;

  constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  write(id: string): void {
    writeSync(this.#descriptor, id);
    this.#isWritten = true;
  }

  /** An empty file would tell that a container runs. */
  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
    if (!this.#isWritten) rmSync(this.#path, { force: true });
  }
}

const NO_FILE: CidFile = { write: () => undefined, [Symbol.dispose]: () => undefined };

/** An empty path writes nothing. @throws {Error} in Docker's words when the file is there or cannot be made. */
export function openCidFile(path: string): CidFile {
  if (path === "") return NO_FILE;
  if (existsSync(path)) {
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${path}`);
  }
  try {
    return new OpenCidFile(path, openSync(path, "w", 0o666));
  } catch (cause) {
    throw new Error(`failed to create the container ID file: ${fileProblem(cause, "open", path)}`, { cause });
  }
}
