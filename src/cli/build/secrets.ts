import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { fileProblem } from "../options/fileProblem.ts";
import { connectKeyAgent } from "./keyAgent.ts";
import { parseSshKey } from "./sshKey.ts";
import type { SshKey } from "./sshKey.ts";
import type { SecretSpec, SshSpec } from "./specs.ts";

const MAX_KEY_CHARACTERS = 100 << 10;
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

/** Agents by id: sockets of others, or keys out of files. */
export class SshAgents {
  readonly #agents: ReadonlyMap<string, AgentSource>;

  /** @throws {Error} in buildx's words */
  constructor(specs: readonly SshSpec[], environment: Environment) {
    this.#agents = new Map(
      specs.map(({ id, paths }) => [id === "" ? "default" : id, sourceOf(paths, environment["SSH_AUTH_SOCK"] ?? "")]),
    );
  }

  /** undefined: there is none of this id. */
  connect(id: string): Duplex | undefined {
    const source = this.#agents.get(id === "" ? "default" : id);
    if (source === undefined) return undefined;
    return source.kind === "socket" ? connect(source.path) : connectKeyAgent(source.keys);
  }
}

type AgentSource =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "keys"; readonly keys: readonly SshKey[] };

function sourceOf(paths: readonly string[], own: string): AgentSource {
  const given = paths.filter((path) => path !== "");
  if (given.length === 0) {
    if (own === "") throw new Error("invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
    return { kind: "socket", path: own };
  }
  const [path = ""] = given;
  const sockets = given.filter(isSocket);
  if (sockets.length > 1) throw new Error("only single socket allowed");
  if (sockets.length === 0) return { kind: "keys", keys: given.map(readKey) };
  if (given.length > 1) throw new Error("invalid combination of keys and sockets");
  return { kind: "socket", path };
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch (error) {
    throw new Error(fileProblem(error, "stat", path), { cause: error });
  }
}

function readKey(path: string): SshKey {
  try {
    return parseSshKey(readFileSync(path, "utf8").slice(0, MAX_KEY_CHARACTERS));
  } catch (error) {
    const why = error instanceof Error && !("errno" in error) ? error.message : fileProblem(error, "open", path);
    throw new Error(`failed to parse ${path}: ${why}`, { cause: error });
  }
}
