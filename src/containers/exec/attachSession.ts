import { messageOf } from "#errors";
import type { Attachment, OutputFrame } from "../containerService.ts";
import { DetachScanner } from "../output/detachKeys.ts";
import type { Exec } from "./exec.ts";
import type { ExecProcess } from "./execProcess.ts";

/** What went wrong stands in the output, where a user looks. */
function complaint(message: string): OutputFrame {
  return { stream: "stdout", bytes: Buffer.from(`${message}\r\n`) };
}

/**
 * A client on an exec that `launch` starts at once. `refusal` words what a runtime said. The process goes on when the
 * client leaves or types its detach keys.
 */
export function attachSession(
  exec: Exec,
  launch: () => Promise<ExecProcess>,
  refusal: (said: string) => Promise<Error>,
): Attachment {
  const { config } = exec;
  const scanner = config.tty ? new DetachScanner(config.detachKeys) : undefined;
  let hasLeft = false;
  const started = launch();
  // Its failure is the output's affair; who writes meanwhile writes to nobody.
  const process = started.catch(() => undefined);

  async function* read(): AsyncGenerator<OutputFrame> {
    let running: ExecProcess;
    try {
      running = await started;
    } catch (error) {
      yield complaint(messageOf(error));
      return;
    }
    for await (const frame of running.output) if (config[frame.stream]) yield frame;
    if (hasLeft) return;
    const outcome = await running.outcome;
    if ("refused" in outcome) yield complaint(messageOf(await refusal(outcome.refused)));
  }

  const leave = async (): Promise<void> => {
    hasLeft = true;
    (await process)?.discard();
  };
  const closeStdin = (): void => {
    if (config.stdin && !config.tty) void process.then((running) => running?.endInput());
  };
  return {
    tty: config.tty,
    output: read(),
    write: async (bytes) => {
      const running = await process;
      if (running === undefined || !config.stdin) return;
      const { pass, detached } = scanner?.scan(bytes) ?? { pass: bytes, detached: false };
      if (pass.byteLength > 0) await running.write(pass);
      if (!detached) return;
      exec.emit("exec_detach");
      await leave();
    },
    closeStdin,
    [Symbol.asyncDispose]: async () => {
      closeStdin();
      await leave();
    },
  };
}
