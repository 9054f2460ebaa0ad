import { chmod, chown, lstat, mkdir, readFile, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { TlsOptions as TlsContext } from "node:tls";
import type { ApiServer } from "#api";
import { EngineError, ErrorCode, isEngineError, messageOf } from "#errors";
import type { TlsOptions } from "./options.ts";

const SOCKET_MODE = 0o660;
const DEFAULT_GROUP = "varve";

/** An address that a daemon listens on. */
export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

function bad(host: string, why: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `invalid bind address (${host}): ${why}`);
}

const PORT = { plain: "2375", tls: "2376" } as const;

/**
 * `unix:///run/x.sock`, `tcp://127.0.0.1:2375`, `tcp://:2376`, `127.0.0.1:2375` → address. Without a host it is loopback,
 * without a port Docker's: 2376 with TLS, 2375 without.
 * @throws {invalid_argument}
 */
export function parseListenAddress(host: string, security: "plain" | "tls"): ListenAddress {
  const [, protocol = "tcp", address = ""] = /^(?:([a-z]+):\/\/)?(.*)$/s.exec(host) ?? [];
  if (protocol === "unix") {
    if (!address.startsWith("/")) throw bad(host, "expected unix:///path");
    return { kind: "unix", path: address };
  }
  if (protocol !== "tcp") throw bad(host, `unsupported proto '${protocol}'`);
  const found = /^(\[[0-9a-fA-F:]+\]|[^:/[\]]*)(?::(\d{1,5}))?\/?$/.exec(address);
  const [, name = "", port = PORT[security]] = found ?? [];
  if (found === null || address === "" || Number(port) > 65_535) throw bad(host, "expected tcp://host:port");
  return { kind: "tcp", host: name === "" ? "127.0.0.1" : name.replace(/^\[|\]$/g, ""), port: Number(port) };
}

async function groupId(name: string | undefined): Promise<number | undefined> {
  if (name !== undefined && /^\d+$/.test(name)) return Number(name);
  const wanted = name ?? DEFAULT_GROUP;
  const groups = await readFile("/etc/group", "utf8").catch(() => "");
  const row = groups.split("\n").find((line) => line.startsWith(`${wanted}:`));
  if (row !== undefined) return Number(row.split(":")[2]);
  if (name === undefined) return undefined;
  throw new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `group ${name} not found`);
}

/** False when nobody listens; a daemon that is too busy to accept still listens. */
function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}

/** Removes the socket file of a daemon that is gone. */
async function clearPath(path: string): Promise<void> {
  const refuse = (category: "unavailable" | "failed_precondition", why: string): EngineError =>
    new EngineError(category, ErrorCode.DAEMON_RUNNING, `can't create unix socket ${path}: ${why}`);
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) throw refuse("failed_precondition", "a file that is no socket is in the way");
  if (await isListenedOn(path)) throw refuse("unavailable", "another daemon answers on it");
  await unlink(path);
}

function bind(
  server: ApiServer,
  target: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(target, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function listenUnix(server: ApiServer, path: string, group: string | undefined): Promise<void> {
  const gid = await groupId(group);
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  await clearPath(path);
  // Between bind and chmod nobody but root may connect. Node binds a path before `listen` returns, so that no other work
  // of this process sees the mask.
  const before = process.umask(0o177);
  let bound: Promise<void>;
  try {
    bound = bind(server, { path });
  } finally {
    process.umask(before);
  }
  await bound;
  if (gid !== undefined) await chown(path, process.geteuid?.() ?? 0, gid);
  await chmod(path, SOCKET_MODE);
}

/** Reads the files of TLS. @throws {invalid_argument} naming the file that cannot be read */
async function readTls(tls: TlsOptions): Promise<TlsContext> {
  const read = (path: string): Promise<Buffer> =>
    readFile(path).catch((cause: unknown) => {
      throw new EngineError(
        "invalid_argument",
        ErrorCode.INVALID_FLAG,
        `invalid TLS configuration: could not read ${path}: ${messageOf(cause)}`,
        { cause },
      );
    });
  const [cert, key, ca] = await Promise.all([
    read(tls.certificateFile),
    read(tls.keyFile),
    tls.caFile === undefined ? undefined : read(tls.caFile),
  ]);
  const { verifyClients } = tls;
  return {
    cert,
    key,
    requestCert: verifyClients,
    rejectUnauthorized: verifyClients,
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
  };
}

function asListenError(error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const isTls = error instanceof Error && "code" in error && String(error.code).startsWith("ERR_OSSL");
  return isTls
    ? new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `invalid TLS configuration: ${messageOf(error)}`, {
        cause: error,
      })
    : new EngineError("unavailable", ErrorCode.DAEMON_RUNNING, `failed to listen: ${messageOf(error)}`, {
        cause: error,
      });
}

/** How a daemon listens. */
export interface ListenOptions {
  readonly group: string | undefined;
  readonly tls: TlsOptions | undefined;
  /** Called when a connection cannot be accepted (too many open files): the daemon goes on. */
  readonly onError: (error: unknown) => void;
}

/**
 * Listens on every host with a server of its own; TCP with TLS where that is set. Unix sockets get mode 0660 and the group;
 * a socket file that nobody listens on is replaced, any other file is left alone.
 * @throws {invalid_argument} for a malformed host or TLS files; {unavailable} when an address is taken.
 */
export async function listenAll(
  hosts: readonly string[],
  makeServer: (tls: TlsContext | undefined) => ApiServer,
  options: ListenOptions,
): Promise<readonly ApiServer[]> {
  const addresses = hosts.map((host) => parseListenAddress(host, options.tls === undefined ? "plain" : "tls"));
  const servers: ApiServer[] = [];
  try {
    const tls = options.tls === undefined ? undefined : await readTls(options.tls);
    for (const address of addresses) {
      const server = makeServer(address.kind === "tcp" ? tls : undefined);
      if (address.kind === "unix") await listenUnix(server, address.path, options.group);
      else await bind(server, address);
      server.on("error", options.onError);
      servers.push(server);
    }
  } catch (error) {
    for (const server of servers) server.close();
    throw asListenError(error);
  }
  return servers;
}
