import type { Container } from "./container.ts";
import type { AttachOptions, Attachment, OutputFrame } from "./containerService.ts";
import { framesOf } from "./output/framesOf.ts";
import { readLogs } from "./output/readLogs.ts";

/** Attaches a client to a container's present run, or to its next one. */
export function attachTo(container: Container, options: AttachOptions): Attachment {
  const { Tty, OpenStdin, StdinOnce } = container.document.config;
  const { stdout, stderr, logs, stream } = options;
  const hub = container.hub;
  const queue = stream ? hub.join({ stdout, stderr }) : undefined;
  const takesInput = options.stdin && OpenStdin;
  async function* output(): AsyncGenerator<OutputFrame> {
    if (logs) yield* framesOf(readLogs(container.log, { stdout, stderr, framed: true }, undefined));
    if (queue !== undefined) yield* queue;
  }
  const closeStdin = (): void => {
    if (takesInput && StdinOnce && !Tty) hub.endInput();
  };
  container.emit("attach");
  return {
    tty: Tty,
    output: output(),
    write: (bytes) => (takesInput ? hub.write(bytes) : Promise.resolve()),
    closeStdin,
    [Symbol.asyncDispose]: async () => {
      closeStdin();
      if (queue !== undefined) hub.leave(queue);
    },
  };
}
