import { EngineError, ErrorCode } from "#errors";
import type { Container } from "./container.ts";
import type { AttachOptions, Attachment, OutputFrame } from "./containerService.ts";
import { wrongState } from "./containerError.ts";
import { DetachScanner, parseDetachKeys } from "./output/detachKeys.ts";
import { framesOf } from "./output/framesOf.ts";
import { readLogs } from "./output/readLogs.ts";

/** @throws {conflict} in Docker's words; `reference` is what the client called it */
function refuseStandstill(container: Container, reference: string): void {
  if (container.isPaused) throw wrongState(`container ${reference} is paused, unpause the container before attach`);
  if (container.state.status === "restarting")
    throw wrongState(`container ${reference} is restarting, wait until the container is running`);
}

/** @throws {invalid_argument} */
function detachScanner(keys: string): DetachScanner {
  try {
    return new DetachScanner(parseDetachKeys(keys));
  } catch (cause) {
    const message = `Invalid detach keys (${keys}) provided`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause });
  }
}

/**
 * Attaches a client to a container's present run, or to its next one. On a terminal its detach keys end its output: the
 * container goes on, and so do other clients.
 */
export function attachTo(container: Container, options: AttachOptions, reference: string): Attachment {
  refuseStandstill(container, reference);
  const { Tty, OpenStdin, StdinOnce } = container.document.config;
  const { stdout, stderr, logs, stream } = options;
  const scanner = detachScanner(options.detachKeys ?? "");
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
  const leave = (): void => {
    if (queue !== undefined) hub.leave(queue);
  };
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (!takesInput) return;
    if (!Tty) return hub.write(bytes);
    const { pass, detached } = scanner.scan(bytes);
    if (pass.byteLength > 0) await hub.write(pass);
    if (!detached) return;
    container.emit("detach");
    leave();
  };
  container.emit("attach");
  return {
    tty: Tty,
    output: output(),
    write,
    closeStdin,
    [Symbol.asyncDispose]: async () => {
      closeStdin();
      leave();
    },
  };
}
