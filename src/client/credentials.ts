import { EngineError, ErrorCode } from "#errors";
import type { Reference } from "#oci";
import { saveAuths } from "./configFile.ts";
import type { ConfigFile, StoredAuth } from "./configFile.ts";

/** What a registry is told (`X-Registry-Auth`, `POST /auth`); spec definition AuthConfig. Empty means anonymous. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

/** The key of Docker Hub in config.json and in credential stores. */
export const HUB_SERVER = "https://index.docker.io/v1/";
const TOKEN_USER = "<token>";
const NOT_FOUND = "credentials not found in native keychain";

/** The key under which credentials of a reference's registry are kept. */
export function serverOf(reference: Reference): string {
  return reference.domain === "docker.io" ? HUB_SERVER : reference.domain;
}

/** The value of the `X-Registry-Auth` header: base64url of JSON. */
export function encodeRegistryAuth(auth: RegistryAuth): string {
  // Go's base64.URLEncoding pads, and daemons before 23 insist on it.
  return Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

interface HelperResult {
  readonly stdout: string;
  readonly failed: boolean;
}

async function runHelper(name: string, action: "get" | "store" | "erase", input: string): Promise<HelperResult> {
  const program = `docker-credential-${name}`;
  // Loaded for the few commands that come here.
  const { spawn } = process.getBuiltinModule("node:child_process");
  const { text } = process.getBuiltinModule("node:stream/consumers");
  const child = spawn(program, [action], { stdio: ["pipe", "pipe", "inherit"] });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  // A helper that exits without reading its input is judged by its exit code.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  try {
    const [stdout, code] = await Promise.all([text(child.stdout), exit]);
    return { stdout: stdout.trim(), failed: code !== 0 };
  } catch (cause) {
    throw new EngineError(
      "failed_precondition",
      ErrorCode.MISSING_PROGRAM,
      `error getting credentials - err: exec: "${program}": executable file not found in $PATH, out: \`\``,
      { cause },
    );
  }
}

function helperFor(config: ConfigFile, server: string): string | undefined {
  return config.credHelpers[server] ?? config.credsStore;
}

async function fromHelper(name: string, server: string): Promise<RegistryAuth> {
  const { stdout, failed } = await runHelper(name, "get", server);
  if (failed) {
    if (stdout.includes(NOT_FOUND)) return {};
    throw new EngineError(
      "unauthenticated",
      ErrorCode.AUTH_REQUIRED,
      `error getting credentials - err: exit status 1, out: \`${stdout}\``,
    );
  }
  const value = JSON.parse(stdout) as { Username?: string; Secret?: string };
  const secret = value.Secret ?? "";
  if (value.Username === TOKEN_USER) return { identitytoken: secret, serveraddress: server };
  return { username: value.Username ?? "", password: secret, serveraddress: server };
}

/** `https://host/v1/` and `host` are the same registry to config files of different age. */
function hostnameOf(server: string): string {
  return server.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

function storedFor(config: ConfigFile, server: string): StoredAuth | undefined {
  const exact = config.auths[server];
  if (exact !== undefined) return exact;
  const match = Object.keys(config.auths).find((key) => hostnameOf(key) === hostnameOf(server));
  return match === undefined ? undefined : config.auths[match];
}

function decodeStored(stored: StoredAuth, server: string): RegistryAuth {
  const pair = Buffer.from(stored.auth ?? "", "base64").toString("utf8");
  const colon = pair.indexOf(":");
  const { identitytoken, registrytoken } = stored;
  return {
    ...(colon < 0 ? {} : { username: pair.slice(0, colon), password: pair.slice(colon + 1).replace(/\0+$/, "") }),
    ...(identitytoken === undefined ? {} : { identitytoken }),
    ...(registrytoken === undefined ? {} : { registrytoken }),
    serveraddress: server,
  };
}

/**
 * Credentials of a registry: its own helper, the store for all, else the file. Empty object when there are none.
 * @throws {unauthenticated} when a helper fails; {failed_precondition} when it is not installed.
 */
export async function readCredentials(config: ConfigFile, server: string): Promise<RegistryAuth> {
  const helper = helperFor(config, server);
  if (helper !== undefined) return fromHelper(helper, server);
  const stored = storedFor(config, server);
  return stored === undefined ? {} : decodeStored(stored, server);
}

/** Keeps credentials after a login; answers where: `plain` is the file, unencrypted; `token` there too, but no password; `unchanged` when it has them already. */
export async function storeCredentials(
  config: ConfigFile,
  server: string,
  auth: RegistryAuth,
): Promise<"helper" | "plain" | "token" | "unchanged"> {
  const token = auth.identitytoken;
  const helper = helperFor(config, server);
  if (helper !== undefined) {
    const credentials = token === undefined ? [auth.username, auth.password] : [TOKEN_USER, token];
    const [Username = "", Secret = ""] = credentials;
    const { stdout, failed } = await runHelper(
      helper,
      "store",
      JSON.stringify({ ServerURL: server, Username, Secret }),
    );
    if (!failed) {
      saveAuths(config, { ...config.auths, [server]: {} });
      return "helper";
    }
    throw new EngineError(
      "internal",
      ErrorCode.INTERNAL,
      `error storing credentials - err: exit status 1, out: \`${stdout}\``,
    );
  }
  const password = token === undefined ? (auth.password ?? "") : "";
  const entry = {
    auth: Buffer.from(`${auth.username ?? ""}:${password}`).toString("base64"),
    ...(token === undefined ? {} : { identitytoken: token }),
  };
  if (process.getBuiltinModule("node:util").isDeepStrictEqual({ ...config.auths[server] }, entry)) return "unchanged";
  saveAuths(config, { ...config.auths, [server]: entry });
  return token === undefined ? "plain" : "token";
}

/** Forgets a registry's credentials. False when there was no entry in the file. */
export async function eraseCredentials(config: ConfigFile, server: string): Promise<boolean> {
  const helper = helperFor(config, server);
  if (helper !== undefined) await runHelper(helper, "erase", server);
  const { [server]: gone, ...left } = config.auths;
  if (gone !== undefined) saveAuths(config, left);
  return gone !== undefined;
}
