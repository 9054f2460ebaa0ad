import { chmod, chown, mkdir, readFile, unlink } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { TlsOptions } from "./options.ts";

const SOCKET_MODE = 0o660;
const DEFAULT_GROUP = "varve";

/** An address that a daemon listens on. */
export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

function bad(host: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `Invalid bind address (${host}): expected unix:///path or tcp://host:port`,
  );
}

/** `unix:///run/x.sock`, `tcp://127.0.0.1:2375`, `tcp://:2376` → address. @throws {invalid_argument} */
export function parseListenAddress(host: string): ListenAddress {
  if (host.startsWith("unix://")) {
    const path = host.slice("unix://".length);
    if (!path.startsWith("/")) throw bad(host);
    return { kind: "unix", path };
  }
  const found = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/[\]]*)(?::(\d{1,5}))?\/?$/.exec(host);
  if (found === null) throw bad(host);
  const [, name = "", port = "2375"] = found;
  if (Number(port) > 65_535) throw bad(host);
  return { kind: "tcp", host: name === "" ? "127.0.0.1" : name.replace(/^\[|\]$/g, ""), port: Number(port) };
}

async function groupId(name: string | undefined): Promise<number | undefined> {
  const wanted = name ?? DEFAULT_GROUP;
  const row = (await readFile("/etc/group", "utf8")).split("\n").find((line) => line.startsWith(`${wanted}:`));
  if (row !== undefined) return Number(row.split(":")[2]);
  if (name === undefined) return undefined;
  throw new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `group ${name} not found`);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function bind(
  server: Server,
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

async function listenUnix(server: Server, path: string, group: string | undefined): Promise<void> {
  const gid = await groupId(group);
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  if (await answers(path))
    throw new EngineError(
      "unavailable",
      ErrorCode.DAEMON_RUNNING,
      `can't create unix socket ${path}: another daemon answers on it`,
    );
  await unlink(path).catch(() => undefined);
  // Between bind and chmod nobody but root may connect.
  const before = process.umask(0o177);
  try {
    await bind(server, { path });
  } finally {
    process.umask(before);
  }
  if (gid !== undefined) await chown(path, 0, gid);
  await chmod(path, SOCKET_MODE);
}

async function secure(makeServer: () => Server, tls: TlsOptions): Promise<Server> {
  const [cert, key, ca] = await Promise.all([
    readFile(tls.certificateFile),
    readFile(tls.keyFile),
    tls.caFile === undefined ? undefined : readFile(tls.caFile),
  ]);
  const inner = makeServer();
  const outer = createTlsServer({
    cert,
    key,
    requestCert: tls.verifyClients,
    rejectUnauthorized: tls.verifyClients,
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca }),
  });
  outer.on("request", (request, response) => inner.emit("request", request, response));
  outer.on("upgrade", (request, socket, head) => inner.emit("upgrade", request, socket, head));
  return outer;
}

/**
 * Listens on every host with a server of its own. Unix sockets get mode 0660 and the group; a socket file that nobody
 * answers on is replaced.
 * @throws {invalid_argument} for a malformed host; {unavailable} when an address is taken.
 */
export async function listenAll(
  hosts: readonly string[],
  makeServer: () => Server,
  options: { readonly group: string | undefined; readonly tls: TlsOptions | undefined },
): Promise<readonly Server[]> {
  const addresses = hosts.map(parseListenAddress);
  const servers: Server[] = [];
  try {
    for (const address of addresses) {
      const server =
        address.kind === "tcp" && options.tls !== undefined ? await secure(makeServer, options.tls) : makeServer();
      if (address.kind === "unix") await listenUnix(server, address.path, options.group);
      else await bind(server, address);
      servers.push(server);
    }
  } catch (error) {
    for (const server of servers) server.close();
    if (error instanceof EngineError) throw error;
    throw new EngineError("unavailable", ErrorCode.DAEMON_RUNNING, `failed to listen: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return servers;
}
