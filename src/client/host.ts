import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";

/** Where an engine listens. `address` is what messages show, e.g. `unix:///run/varve/varve.sock`, `tcp://10.0.0.2:2376`. */
export type EngineHost =
  | { readonly kind: "unix"; readonly address: string; readonly socketPath: string }
  | { readonly kind: "tcp"; readonly address: string; readonly hostname: string; readonly port: number };

/** The local daemon's socket, used when nothing else is named (DESIGN §3). */
export const DEFAULT_SOCKET: string = join(execRoot(), "varve.sock");

/** Where the daemon that we start by ourselves keeps its socket: `VARVE_EXEC_ROOT`, which it reads too, or `/run/varve`. */
export function execRoot(): string {
  const wish = process.env["VARVE_EXEC_ROOT"];
  return wish === undefined || wish === "" ? "/run/varve" : wish;
}

const DEFAULT_TCP_PORT = 2375;
const DEFAULT_TLS_PORT = 2376;

function refused(text: string): EngineError {
  return new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_FLAG,
    `Failed to initialize: unable to resolve docker endpoint: invalid bind address format: ${text}`,
  );
}

function parseTcp(text: string, rest: string, tls: boolean): EngineHost {
  const url = URL.parse(`http://${rest === "" ? "localhost" : rest}`);
  if (url === null) throw refused(text);
  const fallback = tls ? DEFAULT_TLS_PORT : DEFAULT_TCP_PORT;
  // URL drops a port of 80, so the text itself is asked whether a port stands there.
  const named = /:(\d+)(?:\/|$)/.exec(rest)?.[1];
  return {
    kind: "tcp",
    address: text,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: named === undefined ? fallback : Number(named),
  };
}

/**
 * What `-H`, `VARVE_HOST`, `DOCKER_HOST` or a context names → host.
 * @throws {invalid_argument} in Docker's words when the scheme is unknown; {not_implemented} for `ssh://`.
 */
export function parseHost(text: string, tls = false): EngineHost {
  const trimmed = text.trim();
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/s.exec(trimmed) ?? [];
  if (scheme === "ssh") {
    throw new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, `ssh:// comes later: ${trimmed}`, {
      hint: "forward the socket instead: ssh -L /tmp/varve.sock:/run/varve/varve.sock HOST",
    });
  }
  if (scheme === "unix" && rest !== undefined) {
    const socketPath = rest === "" ? DEFAULT_SOCKET : rest;
    return { kind: "unix", address: `unix://${socketPath}`, socketPath };
  }
  if (scheme === "tcp" && rest !== undefined) return parseTcp(trimmed, rest, tls);
  if (scheme === undefined && trimmed.startsWith("/")) {
    return { kind: "unix", address: `unix://${trimmed}`, socketPath: trimmed };
  }
  if (scheme === undefined && /^[\w.[\]-]*:\d+$/.test(trimmed)) return parseTcp(`tcp://${trimmed}`, trimmed, tls);
  throw refused(trimmed);
}
