import { isNotFound, messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { allAtOnce, containerPath, oneByOne } from "../stream/forEach.ts";

/** A POST without body for each name. */
async function post(session: Session, names: readonly string[], action: string): Promise<undefined> {
  return allAtOnce(session, names, async (name) => {
    await session.client.text({ method: "POST", path: containerPath(name, action) });
    return name;
  });
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
    return allAtOnce(session, args, async (name) => {
      const bare = name.replace(/^\/+|\/+$/g, "");
      if (bare === "") throw new CommandError("container name cannot be empty");
      try {
        await session.client.text({
          method: "DELETE",
          path: containerPath(bare),
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
    return allAtOnce(session, args, async (name) => {
      const signal = flags.signal === "" ? undefined : flags.signal;
      await session.client.text({ method: "POST", path: containerPath(name, "/kill"), query: { signal } });
      return name;
    });
  },
});

/** `varve pause`. */
export const pause: Command = defineCommand({
  use: "CONTAINER [CONTAINER...]",
  short: "Pause all processes within one or more containers",
  examples: "pause web",
  args: { min: 1 },
  flags: {},
  run: async ({ session, args }) => post(session, args, "/pause"),
});

/** `varve unpause`. */
export const unpause: Command = defineCommand({
  use: "CONTAINER [CONTAINER...]",
  short: "Unpause all processes within one or more containers",
  examples: "unpause web",
  args: { min: 1 },
  flags: {},
  run: async ({ session, args }) => post(session, args, "/unpause"),
});

/** `varve wait`. */
export const wait: Command = defineCommand({
  use: "CONTAINER [CONTAINER...]",
  short: "Block until one or more containers stop, then print their exit codes",
  examples: "wait web",
  args: { min: 1 },
  flags: {},
  async run({ session, args }) {
    return oneByOne(session, args, async (name) => {
      const answer = await session.client.json<{ readonly StatusCode: number }>({
        method: "POST",
        path: containerPath(name, "/wait"),
      });
      return String(answer.StatusCode);
    });
  },
});

/** `varve rename`. */
export const rename: Command = defineCommand({
  use: "CONTAINER NEW_NAME",
  short: "Rename a container",
  examples: "rename web front",
  args: { min: 2, max: 2 },
  flags: {},
  async run({ session, args: [name = "", newName = ""] }) {
    const [from, to] = [name.trim(), newName.trim()];
    if (from === "" || to === "") throw new CommandError("Error: Neither old nor new names may be empty");
    try {
      await session.client.text({ method: "POST", path: containerPath(from, "/rename"), query: { name: to } });
    } catch (error) {
      throw new CommandError(`${messageOf(error)}\nError: failed to rename container named ${from}`);
    }
    return undefined;
  },
});
