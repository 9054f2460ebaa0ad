import type { IncomingHttpHeaders } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { BuildService, BuildSession } from "#build";
import { controlMethods } from "./control/control.ts";
import type { WorkerInfo } from "./control/control.ts";
import { Jobs } from "./control/jobs.ts";
import { serveGrpc } from "./grpc/server.ts";
import { SessionRegistry } from "./sessions/registry.ts";
import { identityOf } from "./sessions/identity.ts";

/** What BuildKit's API is made of. */
export interface BuildkitOptions {
  readonly builds: BuildService;
  readonly worker: WorkerInfo;
  /** Failures that are ours, by method. */
  readonly onFailure: (method: string, error: unknown) => void;
}

/** BuildKit's API over connections that somebody else accepted. */
export interface Buildkit {
  /** Serves the API on a connection whose peer speaks HTTP/2 from now on. Resolves when it is closed. */
  serve(socket: Duplex): Promise<void>;
  /** @throws {invalid_argument} without an id, {conflict} `session <id> already exists`; then no byte may be sent */
  checkSession(headers: IncomingHttpHeaders): void;
  /** Takes a connection of `POST /session`: there we are the HTTP/2 client. Resolves when it is closed. @throws as `checkSession` */
  serveSession(headers: IncomingHttpHeaders, socket: Duplex): Promise<void>;
  /** Waits a few seconds for the session of this id. @throws {unavailable} */
  session(id: string, signal?: AbortSignal): Promise<BuildSession>;
  /** What the builder is; platforms the host's first. */
  readonly worker: WorkerInfo;
  /** Cancels builds, closes sessions. */
  close(): void;
}

/** An HTTP server's sockets stay half-open when their peer ends: a client that has gone would never be noticed. */
function closeWithPeer(socket: Duplex): Duplex {
  socket.on("error", () => undefined);
  if (socket instanceof Socket) socket.allowHalfOpen = false;
  return socket;
}

/** Makes the API over a build service. One for a daemon: sessions and builds are looked up across connections. */
export function createBuildkit(options: BuildkitOptions): Buildkit {
  const sessions = new SessionRegistry();
  const jobs = new Jobs();
  const methods = controlMethods({ builds: options.builds, jobs, sessions }, options.worker);
  return {
    serve: (socket) => serveGrpc(closeWithPeer(socket), { methods, onFailure: options.onFailure }),
    checkSession: (headers) => sessions.check(identityOf(headers).id),
    serveSession: (headers, socket) => sessions.add(identityOf(headers), closeWithPeer(socket)).closed,
    session: (id, signal) => sessions.get(id, signal),
    worker: options.worker,
    close: () => {
      jobs.close();
      sessions.close();
    },
  };
}
