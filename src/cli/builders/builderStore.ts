import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConfigFile } from "#client";
import { digestOf } from "#oci";
import type { Platform } from "#oci";
import { fileProblem } from "../options/fileProblem.ts";

/** One node of a builder, in the words of buildx's own files. */
export interface NodeRecord {
  readonly Name: string;
  /** An address, or the name of a context. */
  readonly Endpoint: string;
  /** What the user fixed for it. */
  readonly Platforms: readonly Platform[] | null;
  readonly DriverOpts: Readonly<Record<string, string>> | null;
  readonly Flags: readonly string[] | null;
  /** base64 by name. */
  readonly Files: Readonly<Record<string, string>> | null;
}

/** A named builder. */
export interface BuilderRecord {
  readonly Name: string;
  readonly Driver: string;
  readonly Nodes: readonly NodeRecord[];
  readonly Dynamic: boolean;
}

/** A build among all builders'. */
export interface BuildName {
  readonly builder: string;
  readonly node: string;
  readonly ref: string;
}

/** buildx's own record of a build, on the client's side. @see docker/buildx v0.13 localstate/localstate.go */
export interface BuildState {
  readonly Target: string;
  /** Absolute, or as it was given where it is no directory. */
  readonly LocalPath: string;
  readonly DockerfilePath: string;
}

interface Current {
  readonly Key: string;
  readonly Name: string;
  readonly Global: boolean;
}

/** How long a builder is current: `global` whatever the endpoint, `default` whenever nothing else was chosen there. */
export interface Use {
  readonly global: boolean;
  readonly default: boolean;
}

const NAME = /^[a-zA-Z][a-zA-Z0-9.\-_]*$/;
const HASH_LENGTH = 20;
const STATE_PART = /^[a-zA-Z0-9][a-zA-Z0-9.\-_]*$/;

const isAbsent = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

/** @throws {Error} in buildx's words. */
export function checkBuilderName(name: string): string {
  if (NAME.test(name)) return name.toLowerCase();
  throw new Error(`invalid name ${name}, name needs to start with a letter and may not contain symbols, except ._-`);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function replace(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = join(dirname(path), `.tmp-${process.pid}-${Date.now()}`);
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

/**
 * Builders where buildx keeps them (`<config>/buildx`, or BUILDX_CONFIG), in its files: `instances/<name>`, `current`,
 * `defaults/<hash of the endpoint>`, `activity/<name>`. Both clients see the same builders. Files are replaced whole.
 * @see docker/buildx v0.13 store/store.go
 */
export class BuilderStore {
  readonly #root: string;

  constructor(config: ConfigFile, env: Readonly<Record<string, string | undefined>> = process.env) {
    const named = env["BUILDX_CONFIG"] ?? "";
    this.#root = named === "" ? join(dirname(config.path), "buildx") : named;
  }

  /** By name. */
  list(): readonly BuilderRecord[] {
    let names: readonly string[];
    try {
      names = readdirSync(join(this.#root, "instances"));
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
    const found = names.filter((name) => NAME.test(name)).flatMap((name) => this.find(name) ?? []);
    return found.sort((a, b) => (a.Name < b.Name ? -1 : 1));
  }

  /** @throws {Error} for what can be no name. */
  find(name: string): BuilderRecord | undefined {
    const text = textOf(this.#path("instances", checkBuilderName(name)));
    return text === undefined ? undefined : (JSON.parse(text) as BuilderRecord);
  }

  /** What a file system says of a builder that is not there. */
  absence(name: string): string {
    const path = this.#path("instances", checkBuilderName(name));
    return fileProblem(Object.assign(new Error(path), { code: "ENOENT" }), "open", path);
  }

  save(builder: BuilderRecord): void {
    const name = checkBuilderName(builder.Name);
    this.touch(name);
    replace(this.#path("instances", name), JSON.stringify(builder));
  }

  remove(name: string): void {
    for (const folder of ["activity", "refs", "instances"])
      rmSync(this.#path(folder, checkBuilderName(name)), { recursive: true, force: true });
  }

  /** The builder is used now. */
  touch(name: string): void {
    replace(this.#path("activity", name), `${new Date().toISOString().slice(0, 19)}Z`);
  }

  /** RFC 3339, to the second. */
  lastActivity(name: string): string | undefined {
    return textOf(this.#path("activity", name));
  }

  /** Where a build's directory and Dockerfile were, for those who look at its record. */
  saveState(build: BuildName, state: BuildState): void {
    const path = this.#statePath(build);
    if (path !== undefined) replace(path, JSON.stringify(state));
  }

  readState(build: BuildName): BuildState | undefined {
    const path = this.#statePath(build);
    const text = path === undefined ? undefined : textOf(path);
    return text === undefined ? undefined : (JSON.parse(text) as BuildState);
  }

  removeState(build: BuildName): void {
    const path = this.#statePath(build);
    if (path !== undefined) rmSync(path, { force: true });
  }

  #statePath({ builder, node, ref }: BuildName): string | undefined {
    const parts = [builder, node, ref];
    return parts.every((part) => STATE_PART.test(part)) ? this.#path("refs", ...parts) : undefined;
  }

  /** The builder that was chosen for an endpoint; its name, or none. */
  current(endpoint: string): BuilderRecord | undefined {
    const chosen = this.#chosen();
    if (chosen !== undefined && chosen.Name !== "" && (chosen.Global || chosen.Key === endpoint)) {
      const found = this.find(chosen.Name);
      if (found !== undefined || chosen.Key === endpoint) return found;
    }
    if (!this.#hasDefaults()) return undefined;
    const name = textOf(this.#defaultPath(endpoint));
    return name === undefined ? undefined : this.find(name);
  }

  /** An empty name: the endpoint's own builder. */
  use(endpoint: string, name: string, how: Use): void {
    const current: Current = { Key: endpoint, Name: name, Global: how.global };
    replace(this.#path("current"), JSON.stringify(current));
    const path = this.#defaultPath(endpoint);
    if (how.default) replace(path, name);
    else rmSync(path, { force: true });
  }

  #chosen(): Current | undefined {
    const text = textOf(this.#path("current"));
    return text === undefined ? undefined : (JSON.parse(text) as Current);
  }

  /** Mostly there are none, and hashing for their names costs a build 4 ms. */
  #hasDefaults(): boolean {
    try {
      return readdirSync(this.#path("defaults")).length > 0;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  #defaultPath(endpoint: string): string {
    return this.#path("defaults", digestOf(Buffer.from(endpoint)).slice("sha256:".length).slice(0, HASH_LENGTH));
  }

  #path(...parts: readonly string[]): string {
    return join(this.#root, ...parts);
  }
}
