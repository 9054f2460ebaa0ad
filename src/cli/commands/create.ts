import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { bodyOf, createContainer } from "../launch/createContainer.ts";
import { containerFlags } from "../options/containerFlags.ts";
import { streamsOf } from "../options/createBody.ts";

/** `varve create`. */
export const create: Command = defineCommand({
  use: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create a new container",
  examples: "create --name job debian:12-slim true",
  args: { min: 1 },
  interspersed: false,
  flags: containerFlags("creating"),
  async run({ session, flags, given, args }) {
    const call = { flags, given, args, command: "create" } as const;
    const body = await bodyOf(session, call, streamsOf(flags));
    session.print(`${await createContainer(session, call, body)}\n`);
    return undefined;
  },
});
