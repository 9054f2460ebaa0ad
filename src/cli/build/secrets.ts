import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { fileProblem } from "../options/fileProblem.ts";
import type { SecretSpec, SshSpec } from "./specs.ts";

const MAX_SECRET_BYTES = 500 << 10;

type Environment = Readonly<Record<string, string | undefined>>;

/** Secrets by id; bytes are read when a step wants them. */
export class Secrets {
  readonly #specs: ReadonlyMap<string, SecretSpec>;
  readonly #environment: Environment;

  /** @throws {Error} in buildx's words for a file that is not there */
  constructor(specs: readonly SecretSpec[], environment: Environment) {
    this.#environment = environment;
    this.#specs = new Map(specs.map((spec) => [spec.id, this.#located(spec)]));
  }

  /** undefined: there is none. @throws {Error} when it cannot be read, or is too big */
  async read(id: string): Promise<Uint8Array | undefined> {
    const spec = this.#specs.get(id);
    if (spec === undefined) return undefined;
    if (spec.variable !== "") return Buffer.from(this.#environment[spec.variable] ?? "");
    return readFile(spec.file);
  }

  /** Without a source the id names it: a variable first, then a file. */
  #located(spec: SecretSpec): SecretSpec {
    if (spec.id === "") throw new Error("secret missing ID");
    if (spec.variable !== "") return spec;
    if (spec.file === "" && this.#environment[spec.id] !== undefined) return { ...spec, variable: spec.id };
    const file = spec.file === "" ? spec.id : spec.file;
    try {
      const { size } = statSync(file);
      if (size > MAX_SECRET_BYTES) throw new Error(`secret ${spec.id} too big. max size ${MAX_SECRET_BYTES}B`);
    } catch (error) {
      if (error instanceof Error && !("code" in error)) throw error;
      throw new Error(`failed to stat ${file}: ${fileProblem(error, "stat", file)}`, { cause: error });
    }
    return { ...spec, file };
  }
}

/** Sockets of ssh agents by id. */
export class SshAgents {
  readonly #sockets: ReadonlyMap<string, string>;

  /** @throws {Error} in buildx's words; {Error} for keys: an agent is needed */
  constructor(specs: readonly SshSpec[], environment: Environment) {
    this.#sockets = new Map(
      specs.map(({ id, paths }) => [id === "" ? "default" : id, socketOf(paths, environment["SSH_AUTH_SOCK"] ?? "")]),
    );
  }

  /** undefined: there is none of this id. */
  connect(id: string): Socket | undefined {
    const path = this.#sockets.get(id === "" ? "default" : id);
    return path === undefined ? undefined : connect(path);
  }
}

function socketOf(paths: readonly string[], own: string): string {
  const given = paths.filter((path) => path !== "");
  if (given.length === 0) {
    if (own === "") throw new Error("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
    return own;
  }
  const [path = ""] = given;
  if (given.length > 1 || !existsSync(path) || !statSync(path).isSocket()) {
    throw new Error(`${given.join(",")}: keys are not read by varve; give the socket of an agent that holds them`);
  }
  return path;
}
