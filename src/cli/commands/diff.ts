import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { containerPath } from "../stream/forEach.ts";

interface Change {
  readonly Kind: number;
  readonly Path: string;
}

const KINDS = ["C", "A", "D"];

/** `varve diff`. */
export const diff: Command = defineCommand({
  use: "CONTAINER",
  short: "Inspect changes to files or directories on a container's filesystem",
  examples: "diff web",
  args: { min: 1, max: 1 },
  flags: {},
  async run({ session, args: [name = ""] }) {
    if (name === "") throw new CommandError("Container name cannot be empty");
    const changes = await session.client.json<readonly Change[] | null>({ path: containerPath(name, "/changes") });
    session.print((changes ?? []).map(({ Kind, Path }) => `${KINDS[Kind] ?? ""} ${Path}\n`).join(""));
    return undefined;
  },
});
