import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { attach as attachTo, checkTerminal, detachKeysOf, escapeError } from "../stream/attach.ts";
import { watchExit } from "../stream/exitStatus.ts";
import { containerPath } from "../stream/forEach.ts";
import { proxySignals } from "../stream/signals.ts";
import { followSize, nudgeSize } from "../stream/terminalSize.ts";

interface ContainerFacts {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean; readonly OpenStdin: boolean };
  readonly State: { readonly Running: boolean; readonly Paused: boolean; readonly Restarting: boolean };
}

async function runningContainer(session: Session, name: string): Promise<ContainerFacts> {
  const facts = await session.client.json<ContainerFacts>({ path: containerPath(name, "/json") });
  const { Running, Paused, Restarting } = facts.State;
  if (!Running) throw new CommandError("You cannot attach to a stopped container, start it first");
  if (Paused) throw new CommandError("You cannot attach to a paused container, unpause it first");
  if (Restarting) throw new CommandError("You cannot attach to a restarting container, wait until it is running");
  return facts;
}

/** `varve attach`. */
export const attach: Command = defineCommand({
  use: "[OPTIONS] CONTAINER",
  short: "Attach local standard input, output, and error streams to a running container",
  examples: `attach web
attach --no-stdin --sig-proxy=false web`,
  args: { min: 1, max: 1 },
  flags: {
    "detach-keys": stringFlag(undefined, "Override the key sequence for detaching a container"),
    "no-stdin": boolFlag(undefined, "Do not attach STDIN"),
    "sig-proxy": boolFlag(undefined, "Proxy all received signals to the process", true),
  },
  async run({ session, flags, args: [name = ""] }) {
    const { Config: config } = await runningContainer(session, name);
    checkTerminal(session, !flags["no-stdin"], config.Tty);
    const { exitCode } = await watchExit(session.client, name, undefined);
    // Nobody may be listening yet when it fails; it is awaited below.
    exitCode.catch(() => undefined);
    const stops: (() => void)[] = [];
    if (flags["sig-proxy"] && !config.Tty) stops.push(proxySignals(session, name));
    const attached = await attachTo(session, {
      id: name,
      streams: { stdin: !flags["no-stdin"] && config.OpenStdin, stdout: true, stderr: true },
      tty: config.Tty,
      detachKeys: detachKeysOf(session, flags["detach-keys"]),
    });
    try {
      // It may have ended while we attached, and then nothing would ever come.
      await runningContainer(session, name);
      if (config.Tty) await nudgeSize(session, containerPath(name));
      if (config.Tty) stops.push(followSize(session, containerPath(name)));
      if ((await attached.pump()) === "detached") throw escapeError();
      return await exitCode;
    } finally {
      for (const stop of stops) stop();
      attached.release();
    }
  },
});
