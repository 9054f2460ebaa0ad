import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileSeccomp } from "#host";
import type { SeccompProfile } from "#host";

/**
 * Compiled seccomp filters, by profile: in memory and, as compiling costs 7 ms and loading libseccomp more, in a
 * directory that lasts until the host boots again (the kernel and libseccomp are part of nobody's key for that reason).
 */
export class FilterCache {
  readonly #directory: string;
  readonly #programs = new Map<string, string | undefined>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The filter as crun takes it (base64 of struct sock_filter[]); undefined where there is no libseccomp. */
  get(profile: SeccompProfile): string | undefined {
    const text = JSON.stringify(profile);
    if (this.#programs.has(text)) return this.#programs.get(text);
    const path = join(this.#directory, `${createHash("sha256").update(text).digest("hex")}.tree.bpf`);
    const program = this.#read(path) ?? this.#compile(profile, path);
    this.#programs.set(text, program);
    return program;
  }

  #read(path: string): string | undefined {
    try {
      return readFileSync(path).toString("base64");
    } catch {
      return undefined; // not compiled since the host booted
    }
  }

  #compile(profile: SeccompProfile, path: string): string | undefined {
    const program = compileSeccomp(profile);
    if (program === undefined) return undefined;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.tmp`, program, { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
    return program.toString("base64");
  }
}
