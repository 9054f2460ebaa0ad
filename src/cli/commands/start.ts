import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import { inputTerminal } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { attach, followSize, proxySignals } from "../stream/attach.ts";
import { DEFAULT_DETACH_KEYS } from "../stream/detachKeys.ts";
import { watchExit } from "../stream/exitStatus.ts";

interface ContainerFacts {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean };
}

const startPath = (name: string): string => `/containers/${encodeURIComponent(name)}/start`;

async function startAll(session: Session, names: readonly string[]): Promise<undefined> {
  const failed: string[] = [];
  for (const name of names) {
    try {
      await session.client.text({ method: "POST", path: startPath(name) });
      session.print(`${name}\n`);
    } catch (error) {
      session.warn(messageOf(error));
      failed.push(name);
    }
  }
  if (failed.length > 0) throw new CommandError(`Error: failed to start containers: ${failed.join(", ")}`);
  return undefined;
}

async function startAttached(session: Session, name: string, interactive: boolean, keys: string): Promise<number> {
  const facts = await session.client.json<ContainerFacts>({ path: `/containers/${encodeURIComponent(name)}/json` });
  const { Id: id, Config: config } = facts;
  const streams = { stdin: interactive && config.OpenStdin, stdout: true, stderr: true };
  if (streams.stdin && config.Tty && inputTerminal(session.stdin) === undefined) {
    throw new CommandError("the input device is not a TTY");
  }
  const attached = await attach(session, { id, streams, tty: config.Tty, detachKeys: keys });
  const stops: (() => void)[] = [];
  try {
    const { exitCode } = await watchExit(session.client, id, facts.HostConfig.AutoRemove ? "removed" : "next-exit");
    exitCode.catch(() => undefined);
    const pumped = attached.pump();
    if (!config.Tty) stops.push(proxySignals(session, id));
    await session.client.text({ method: "POST", path: startPath(id) });
    if (config.Tty) stops.push(followSize(session, id));
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
    attach: boolFlag("a", "Attach STDOUT/STDERR and forward signals"),
    "detach-keys": stringFlag(undefined, "Override the key sequence for detaching a container"),
    interactive: boolFlag("i", "Attach container's STDIN"),
  },
  async run({ session, flags, args }) {
    if (!flags.attach && !flags.interactive) return startAll(session, args);
    const [name = "", ...others] = args;
    if (others.length > 0) throw new CommandError("you cannot start and attach multiple containers at once");
    const keys = flags["detach-keys"] || (session.config.detachKeys ?? DEFAULT_DETACH_KEYS);
    return startAttached(session, name, flags.interactive, keys);
  },
});
