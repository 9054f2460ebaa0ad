import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { attach, checkTerminal, detachKeysOf } from "../stream/attach.ts";
import type { Attached, AttachWish } from "../stream/attach.ts";
import { containerPath } from "../stream/forEach.ts";
import { proxySignals } from "../stream/signals.ts";
import { followSize } from "../stream/terminalSize.ts";
import { watchExit } from "../stream/exitStatus.ts";
import { bodyOf, createContainer } from "../launch/createContainer.ts";
import { containerFlags } from "../options/containerFlags.ts";
import { streamsOf } from "../options/createBody.ts";

async function startContainer(session: Session, id: string): Promise<void> {
  await session.client.text({ method: "POST", path: containerPath(id, "/start") });
}

/** The container was made, so this is no failure of `run` itself: exit code 1, as Docker's. */
async function attachOrFail(session: Session, wish: AttachWish): Promise<Attached> {
  try {
    return await attach(session, wish);
  } catch (error) {
    throw new CommandError(messageOf(error));
  }
}

/** Docker's order: attach, wait, start, so that neither output nor the exit can be missed. */
async function runAttached(
  session: Session,
  wish: AttachWish,
  rules: { rm: boolean; sigProxy: boolean },
): Promise<number> {
  const attached = await attachOrFail(session, wish);
  let stopSignals: (() => void) | undefined;
  let stopResizing: (() => void) | undefined;
  try {
    const { exitCode } = await watchExit(session.client, wish.id, rules.rm ? "removed" : "next-exit");
    // Nobody may be listening yet when it fails; it is awaited below.
    exitCode.catch(() => undefined);
    const pumped = attached.pump();
    // After a start that fails nobody waits for it.
    pumped.catch(() => undefined);
    if (rules.sigProxy) stopSignals = proxySignals(session, wish.id);
    try {
      await startContainer(session, wish.id);
    } catch (error) {
      // With --rm the daemon removes what never started; leaving before that would race with the next run.
      if (rules.rm) await exitCode.catch(() => undefined);
      throw error;
    }
    if (wish.tty) stopResizing = followSize(session, containerPath(wish.id));
    return (await pumped) === "detached" ? 0 : await exitCode;
  } finally {
    stopResizing?.();
    stopSignals?.();
    attached.release();
  }
}

/** `varve run`. */
export const run: Command = defineCommand({
  use: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create and run a new container from an image",
  examples: `run --rm debian:12-slim cat /etc/os-release
run --rm -it debian:12-slim bash
run -d --name web nginx`,
  args: { min: 1 },
  interspersed: false,
  ownErrors: true,
  flags: {
    ...containerFlags("running"),
    detach: boolFlag("d", "Run container in background and print container ID"),
    "detach-keys": stringFlag(undefined, "Override the key sequence for detaching a container"),
    "sig-proxy": boolFlag(undefined, "Proxy received signals to the process", true),
  },
  async run({ session, flags, given, args }) {
    const streams = flags.detach ? undefined : streamsOf(flags);
    const call = { flags, given, args, command: "run" } as const;
    const body = await bodyOf(session, call, streams);
    if (flags.detach && flags.attach.length > 0) {
      throw new CommandError("conflicting options: cannot specify both --attach and --detach");
    }
    checkTerminal(session, streams?.stdin === true, flags.tty);
    const id = await createContainer(session, call, body);
    if (streams === undefined) {
      await startContainer(session, id);
      session.print(`${id}\n`);
      return 0;
    }
    const wish = { id, streams, tty: flags.tty, detachKeys: detachKeysOf(session, flags["detach-keys"]) };
    return runAttached(session, wish, { rm: flags.rm, sigProxy: flags["sig-proxy"] });
  },
});
