import type { IncomingHttpHeaders } from "node:http2";

/** What a client says of its session, in headers of `POST /session` or metadata of `Control/Session`. */
export interface SessionIdentity {
  readonly id: string;
  /** The same text for the same directory of the same machine; empty = unknown. */
  readonly sharedKey: string;
  /** `/moby.filesync.v1.FileSync/DiffCopy`, … */
  readonly methods: readonly string[];
}

/** Node joins what a client sends as several headers of one name. */
function listOf(value: string | string[] | undefined): readonly string[] {
  const joined = Array.isArray(value) ? value : (value ?? "").split(",");
  return joined.map((one) => one.trim()).filter((one) => one !== "");
}

/** The identity in headers of an upgrade, or in metadata of a call: both have the same names. */
export function identityOf(headers: IncomingHttpHeaders): SessionIdentity {
  const one = (name: string): string => listOf(headers[`x-docker-expose-session-${name}`])[0] ?? "";
  return {
    id: one("uuid"),
    sharedKey: one("sharedkey"),
    methods: listOf(headers["x-docker-expose-session-grpc-method"]),
  };
}
