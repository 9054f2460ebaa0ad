import { isNotFound, messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, intFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";

const pathOf = (name: string, action = ""): string => `/containers/${encodeURIComponent(name)}${action}`;

/** Does one thing to every name, all at once; prints each result in order and fails with what went wrong. */
async function forEach(
  session: Session,
  names: readonly string[],
  act: (name: string) => Promise<string | undefined>,
): Promise<undefined> {
  const results = await Promise.allSettled(names.map(act));
  const failures: string[] = [];
  for (const result of results) {
    if (result.status === "rejected") failures.push(messageOf(result.reason));
    else if (result.value !== undefined) session.print(`${result.value}\n`);
  }
  if (failures.length > 0) throw new CommandError(failures.join("\n"));
  return undefined;
}

/** `varve rm`. */
export const remove: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Remove one or more containers",
  examples: `rm web
rm -f $(varve ps -aq)`,
  args: { min: 1 },
  flags: {
    force: boolFlag("f", "Force the removal of a running container (uses SIGKILL)"),
    link: boolFlag("l", "Remove the specified link"),
    volumes: boolFlag("v", "Remove anonymous volumes associated with the container"),
  },
  async run({ session, flags, args }) {
    return forEach(session, args, async (name) => {
      if (name.replace(/^\/+/, "") === "") throw new CommandError("container name cannot be empty");
      try {
        await session.client.text({
          method: "DELETE",
          path: pathOf(name.replace(/^\//, "")),
          query: { force: flags.force, link: flags.link, v: flags.volumes },
        });
        return name;
      } catch (error) {
        if (!flags.force || !isNotFound(error)) throw error;
        session.warn(messageOf(error));
        return undefined;
      }
    });
  },
});

/** `varve kill`. */
export const kill: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Kill one or more running containers",
  examples: "kill -s HUP web",
  args: { min: 1 },
  flags: { signal: stringFlag("s", "Signal to send to the container") },
  async run({ session, flags, args }) {
    return forEach(session, args, async (name) => {
      const signal = flags.signal === "" ? undefined : flags.signal;
      await session.client.text({ method: "POST", path: pathOf(name, "/kill"), query: { signal } });
      return name;
    });
  },
});

/** `varve stop`. */
export const stop: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Stop one or more running containers",
  examples: "stop -t 2 web",
  args: { min: 1 },
  flags: {
    signal: stringFlag("s", "Signal to send to the container"),
    timeout: intFlag("t", "Seconds to wait before killing the container"),
  },
  async run({ session, flags, given, args }) {
    return forEach(session, args, async (name) => {
      const query = {
        signal: flags.signal === "" ? undefined : flags.signal,
        t: given.has("timeout") ? flags.timeout : undefined,
      };
      await session.client.text({ method: "POST", path: pathOf(name, "/stop"), query });
      return name;
    });
  },
});

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/** `varve wait`. */
export const wait: Command = defineCommand({
  use: "CONTAINER [CONTAINER...]",
  short: "Block until one or more containers stop, then print their exit codes",
  examples: "wait web",
  args: { min: 1 },
  flags: {},
  async run({ session, args }) {
    return forEach(session, args, async (name) => {
      const answer = await session.client.json<WaitAnswer>({ method: "POST", path: pathOf(name, "/wait") });
      return String(answer.StatusCode);
    });
  },
});
