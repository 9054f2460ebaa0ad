import type { LocalBuildError } from "#engineapi";
import { parseFlags } from "../core/parseFlags.ts";
import { inputTerminal, terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";

type Shell = NonNullable<LocalBuildError["shell"]>;

/** Whether somebody sits there who could use a shell. */
export function canOpenShell(session: Session): boolean {
  return inputTerminal(session.stdin) !== undefined && terminalOf(session.stdout) !== undefined;
}

/** Runs a shell in what a failed step began with, and takes the image away after it. */
export async function openDebugShell(session: Session, { imageId, command }: Shell): Promise<void> {
  const { run } = await import("../commands/run.ts");
  session.warn(`A shell where the step began, without its mounts (${command.join(" ")}):`);
  const words = ["-it", "--rm", "--pull", "never", imageId, ...command];
  const { values, given, rest } = parseFlags(words, run.flags, { interspersed: false });
  try {
    await run.run({ session, flags: values, given, args: rest });
  } finally {
    const path = `/images/${encodeURIComponent(imageId)}`;
    // Somebody may have given it a name meanwhile, or uses it.
    await session.client.text({ method: "DELETE", path }).catch(() => undefined);
  }
}
