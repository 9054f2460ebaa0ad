import type { Writable } from "node:stream";
import { demultiplex } from "#client";
import type { Session } from "../core/session.ts";

/** Resolves when the stream has taken the bytes and can take more. */
async function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  if (stream.write(bytes)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve);
  await promise;
}

/** A container's output to our stdout and stderr, to its end. A terminal's output is one raw stream. */
export async function copyOutput(
  session: Session,
  body: AsyncIterable<Uint8Array>,
  multiplexed: boolean,
): Promise<void> {
  if (!multiplexed) {
    for await (const bytes of body) await write(session.stdout, bytes);
    return;
  }
  for await (const { stream, bytes } of demultiplex(body)) {
    await write(stream === "stdout" ? session.stdout : session.stderr, bytes);
  }
}
