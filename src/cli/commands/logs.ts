import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import { apiTimestamp } from "../format/timestamp.ts";
import { containerPath } from "../stream/forEach.ts";
import { copyOutput } from "../stream/output.ts";

const TIME = 'timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)';

function timeOf(name: string, text: string): string | undefined {
  try {
    return text === "" ? undefined : apiTimestamp(text);
  } catch (error) {
    throw new CommandError(`invalid value for "${name}": ${messageOf(error)}`);
  }
}

/** `varve logs`. */
export const logs: Command = defineCommand({
  use: "[OPTIONS] CONTAINER",
  short: "Fetch the logs of a container",
  examples: `logs -f web
logs --since 10m --tail 20 -t web`,
  args: { min: 1, max: 1 },
  flags: {
    details: boolFlag(undefined, "Show extra details provided to logs"),
    follow: boolFlag("f", "Follow log output"),
    since: stringFlag(undefined, `Show logs since ${TIME}`),
    tail: {
      ...stringFlag("n", "Number of lines to show from the end of the logs"),
      initial: "all",
      shownDefault: "all",
    },
    timestamps: boolFlag("t", "Show timestamps"),
    until: stringFlag(undefined, `Show logs before a ${TIME}`),
  },
  async run({ session, flags, args: [name = ""] }) {
    const { Config } = await session.client.json<{ readonly Config: { readonly Tty: boolean } }>({
      path: containerPath(name, "/json"),
    });
    const { body } = await session.client.open({
      path: containerPath(name, "/logs"),
      query: {
        stdout: true,
        stderr: true,
        follow: flags.follow,
        details: flags.details,
        timestamps: flags.timestamps,
        tail: flags.tail,
        since: timeOf("since", flags.since),
        until: timeOf("until", flags.until),
      },
    });
    await copyOutput(session, body, !Config.Tty);
    return undefined;
  },
});
