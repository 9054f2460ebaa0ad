import { Duplex } from "node:stream";
import type { IncomingHttpHeaders } from "node:http2";
import type { Decoded, Encodable } from "../wire/types.ts";
import type { SessionIdentity } from "./session.ts";

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

/** A connection that lies in the messages of a call: a session within the stream of `Control/Session`. */
export function tunnel(
  requests: AsyncIterable<Decoded<"Bytes">>,
  answer: (message: Encodable<"Bytes">) => Promise<void>,
  signal: AbortSignal,
): Duplex {
  const incoming = requests[Symbol.asyncIterator]();
  const socket = new Duplex({
    read: () => {
      incoming.next().then(
        (step) => socket.push(step.done === true ? null : step.value.data),
        (error: Error) => socket.destroy(error),
      );
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      answer({ data: chunk }).then(() => done(), done);
    },
    allowHalfOpen: false,
  });
  socket.on("error", () => undefined);
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  return socket;
}
