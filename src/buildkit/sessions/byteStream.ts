import { Duplex } from "node:stream";
import type { Decoded, Encodable } from "../wire/types.ts";

async function deliver(sent: Promise<void>, done: (error?: Error) => void): Promise<void> {
  try {
    await sent;
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done();
}

/** A connection that lies in the messages of a call. */
export function byteStream(
  incoming: AsyncIterable<Decoded<"Bytes">>,
  outgoing: { send(message: Encodable<"Bytes">): Promise<void>; end(): void; close(): void },
  signal?: AbortSignal,
): Duplex {
  const messages = incoming[Symbol.asyncIterator]();
  const socket = new Duplex({
    read: () => {
      messages.next().then(
        (step) => socket.push(step.done === true ? null : step.value.data),
        (error: Error) => socket.destroy(error),
      );
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      void deliver(outgoing.send({ data: chunk }), done);
    },
    final: (done) => {
      outgoing.end();
      done();
    },
    destroy: (error, done) => {
      outgoing.close();
      done(error);
    },
    allowHalfOpen: false,
  });
  socket.on("error", () => undefined);
  const gone = (): void => void socket.destroy();
  signal?.addEventListener("abort", gone, { once: true });
  socket.once("close", () => signal?.removeEventListener("abort", gone));
  return socket;
}
