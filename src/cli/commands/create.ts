import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CONTAINER_FLAGS, createBody, streamsOf } from "./containerFlags.ts";
import { createContainer } from "./createContainer.ts";

/** `varve create`. */
export const create: Command = defineCommand({
  use: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  short: "Create a new container",
  examples: "create --name job debian:12-slim true",
  args: { min: 1 },
  interspersed: false,
  flags: CONTAINER_FLAGS,
  async run({ session, flags, given, args }) {
    const body = createBody({ flags, given, args }, streamsOf(flags), "create");
    session.print(`${await createContainer(session, flags, body, "create")}\n`);
    return undefined;
  },
});
