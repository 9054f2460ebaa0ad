import { defineCommand } from "../core/command.ts";
import type { Command, Invocation } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { intFlag, stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import { allAtOnce, containerPath, oneByOne } from "../stream/forEach.ts";
import type { Act } from "../stream/forEach.ts";

type StopFlags = Readonly<Record<"signal", Flag<string>> & Record<"time" | "timeout", Flag<number>>>;

const FLAGS: StopFlags = {
  signal: stringFlag("s", "Signal to send to the container"),
  time: {
    ...intFlag(undefined, "Seconds to wait before killing the container (deprecated: use --timeout)"),
    hidden: true,
    deprecated: "use --timeout instead",
  },
  timeout: intFlag("t", "Seconds to wait before killing the container"),
};

function acting({ session, flags, given }: Invocation<StopFlags>, action: string): Act {
  if (given.has("time") && given.has("timeout")) {
    throw new CommandError("conflicting options: cannot specify both --timeout and --time");
  }
  const seconds = given.has("time") ? flags.time : flags.timeout;
  const query = {
    signal: flags.signal === "" ? undefined : flags.signal,
    t: given.has("time") || given.has("timeout") ? seconds : undefined,
  };
  return async (name) => {
    await session.client.text({ method: "POST", path: containerPath(name, action), query });
    return name;
  };
}

/** `varve stop`. */
export const stop: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Stop one or more running containers",
  examples: "stop -t 2 web",
  args: { min: 1 },
  flags: FLAGS,
  run: async (invocation) => allAtOnce(invocation.session, invocation.args, acting(invocation, "/stop")),
});

/** `varve restart`. */
export const restart: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Restart one or more containers",
  examples: "restart -t 2 web",
  args: { min: 1 },
  flags: FLAGS,
  run: async (invocation) => oneByOne(invocation.session, invocation.args, acting(invocation, "/restart")),
});
