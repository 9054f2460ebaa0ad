import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { ConfigFile } from "./configFile.ts";
import { DEFAULT_SOCKET, parseHost } from "./host.ts";
import type { EngineHost } from "./host.ts";
import type { TlsFiles } from "./transport.ts";

/** What the user said about where the engine is; the global flags of the CLI. */
export interface HostWishes {
  /** `-H`; at most one. */
  readonly host?: string;
  /** `-c/--context`. */
  readonly context?: string;
  readonly tls?: boolean;
  readonly tlsVerify?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** A host, how it was found, and its keys. Only a host that nobody named (`isDefault`) may have its daemon started. */
export interface ChosenHost {
  readonly host: EngineHost;
  /** `default`, or the context's name. */
  readonly context: string;
  readonly isDefault: boolean;
  readonly tls?: TlsFiles;
}

type Env = Readonly<Record<string, string | undefined>>;
const said = (text: string | undefined): text is string => text !== undefined && text !== "";

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    // A key file that is not there is not used; the handshake then says what is missing.
    return undefined;
  }
}

function readNeeded(path: string): Buffer {
  const bytes = readIfThere(path);
  if (bytes !== undefined) return bytes;
  throw new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `Failed to initialize: unable to resolve docker endpoint: open ${path}: no such file or directory`,
  );
}

function tlsFiles(wishes: HostWishes, env: Env): TlsFiles | undefined {
  const verify = wishes.tlsVerify ?? said(env["DOCKER_TLS_VERIFY"]);
  if (!verify && wishes.tls !== true && !said(env["DOCKER_TLS"])) return undefined;
  const folder = said(env["DOCKER_CERT_PATH"]) ? env["DOCKER_CERT_PATH"] : join(homedir(), ".docker");
  const ca = readNeeded(wishes.caFile ?? join(folder, "ca.pem"));
  const cert = wishes.certFile === undefined ? readIfThere(join(folder, "cert.pem")) : readNeeded(wishes.certFile);
  const key = wishes.keyFile === undefined ? readIfThere(join(folder, "key.pem")) : readNeeded(wishes.keyFile);
  return {
    verify,
    ca,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function contextTls(folder: string, skipVerify: boolean): TlsFiles | undefined {
  const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((name) => readIfThere(join(folder, name)));
  if (ca === undefined && cert === undefined) return undefined;
  return {
    verify: !skipVerify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

interface ContextMeta {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

/** Contexts lie under `contexts/meta/<sha256 of the name>/meta.json`, their keys under `contexts/tls/<same>/docker`. */
function fromContext(name: string, configFolder: string): ChosenHost {
  const id = process.getBuiltinModule("node:crypto").hash("sha256", name, "hex");
  const bytes = readIfThere(join(configFolder, "contexts", "meta", id, "meta.json"));
  if (bytes === undefined) {
    throw new EngineError(
      "not_found",
      ErrorCode.BAD_REQUEST,
      `Failed to initialize: unable to resolve docker endpoint: context "${name}": context not found: open ${join(configFolder, "contexts", "meta", id, "meta.json")}: no such file or directory`,
    );
  }
  const endpoint = (JSON.parse(bytes.toString("utf8")) as ContextMeta).Endpoints?.docker;
  const tls = contextTls(join(configFolder, "contexts", "tls", id, "docker"), endpoint?.SkipTLSVerify === true);
  const host = parseHost(endpoint?.Host ?? `unix://${DEFAULT_SOCKET}`, tls !== undefined);
  return { host, context: name, isDefault: false, ...(tls === undefined ? {} : { tls }) };
}

function contextName(wishes: HostWishes, config: ConfigFile, env: Env): string | undefined {
  const name = [wishes.context, env["DOCKER_CONTEXT"], config.currentContext].find(said);
  return name === "default" ? undefined : name;
}

/**
 * In this order: `-H`, `-c`, `VARVE_HOST`, `DOCKER_HOST`, `DOCKER_CONTEXT`, `currentContext` of config.json,
 * `/run/varve/varve.sock`.
 * @throws {not_found} when the context does not exist; {invalid_argument} when a key that TLS needs is not there; as
 * `parseHost` otherwise.
 */
export function chooseHost(wishes: HostWishes, config: ConfigFile, env: Env = process.env): ChosenHost {
  if (said(wishes.host) && said(wishes.context)) {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.INVALID_FLAG,
      "conflicting options: cannot specify both --host and --context",
    );
  }
  const configFolder = config.path.slice(0, config.path.lastIndexOf("/"));
  const named = [wishes.host, ...(said(wishes.context) ? [] : [env["VARVE_HOST"], env["DOCKER_HOST"]])].find(said);
  const context = named === undefined ? contextName(wishes, config, env) : undefined;
  if (context !== undefined) return fromContext(context, configFolder);
  const tls = tlsFiles(wishes, env);
  const host = parseHost(named ?? `unix://${DEFAULT_SOCKET}`, tls !== undefined);
  return { host, context: "default", isDefault: named === undefined, ...(tls === undefined ? {} : { tls }) };
}
