import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { attach, detachKeysOf } from "../stream/attach.ts";
import { watchExit } from "../stream/exitStatus.ts";
import { containerPath } from "../stream/forEach.ts";
import { proxySignals } from "../stream/signals.ts";
import { followSize } from "../stream/terminalSize.ts";

interface ContainerFacts {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean };
}

async function startAll(session: Session, names: readonly string[]): Promise<undefined> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await session.client.text({ method: "POST", path: containerPath(name, "/start") });
      session.print(`${name}\n`);
    } catch (error) {
      session.warn(messageOf(error));
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new CommandError(`Error: failed to start containers: ${failed.join(", ")}`);
  return undefined;
}

/** With --rm the daemon removes what never started; leaving before that would race with the next command. */
async function startOrWait(session: Session, facts: ContainerFacts, exitCode: Promise<number>): Promise<void> {
  try {
    await session.client.text({ method: "POST", path: containerPath(facts.Id, "/start") });
  } catch (error) {
    if (facts.HostConfig.AutoRemove) await exitCode.catch(() => undefined);
    throw error;
  }
}

async function startAttached(session: Session, name: string, interactive: boolean, keys: string): Promise<number> {
  const facts = await session.client.json<ContainerFacts>({ path: containerPath(name, "/json") });
  const { Id: id, Config: config } = facts;
  const streams = { stdin: interactive && config.OpenStdin, stdout: true, stderr: true };
  const attached = await attach(session, { id, streams, tty: config.Tty, detachKeys: keys });
  const stops: (() => void)[] = [];
  try {
    const { exitCode } = await watchExit(session.client, id, facts.HostConfig.AutoRemove ? "removed" : "next-exit");
    exitCode.catch(() => undefined);
    const pumped = attached.pump();
    // After a start that fails nobody waits for it.
    pumped.catch(() => undefined);
    if (!config.Tty) stops.push(proxySignals(session, id));
    await startOrWait(session, facts, exitCode);
    if (config.Tty) stops.push(followSize(session, containerPath(id)));
    return (await pumped) === "detached" ? 0 : await exitCode;
  } finally {
    for (const stop of stops) stop();
    attached.release();
  }
}

/** `varve start`. */
export const start: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Start one or more stopped containers",
  examples: "start -a job",
  args: { min: 1 },
  flags: {
    checkpoint: { ...stringFlag(undefined, "Restore from this checkpoint"), hidden: true },
    "checkpoint-dir": { ...stringFlag(undefined, "Use a custom checkpoint storage directory"), hidden: true },
    attach: boolFlag("a", "Attach STDOUT/STDERR and forward signals"),
    "detach-keys": stringFlag(undefined, "Override the key sequence for detaching a container"),
    interactive: boolFlag("i", "Attach container's STDIN"),
  },
  async run({ session, flags, given, args }) {
    const checkpoint = ["checkpoint", "checkpoint-dir"].find((flag) => given.has(flag));
    if (checkpoint !== undefined) {
      throw new CommandError(
        `"--${checkpoint}" is only supported on a Docker daemon with experimental features enabled`,
      );
    }
    if (!flags.attach && !flags.interactive) return startAll(session, args);
    const [name = "", ...others] = args;
    if (others.length > 0) throw new CommandError("you cannot start and attach multiple containers at once");
    return startAttached(session, name, flags.interactive, detachKeysOf(session, flags["detach-keys"]));
  },
});
