import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { alignColumns } from "../format/tabwriter.ts";
import { containerPath } from "../stream/forEach.ts";

interface Processes {
  readonly Titles: readonly string[] | null;
  readonly Processes: readonly (readonly string[])[] | null;
}

const COLUMNS = { minWidth: 20, padding: 3 };

/** `varve top`. */
export const top: Command = defineCommand({
  use: "CONTAINER [ps OPTIONS]",
  short: "Display the running processes of a container",
  examples: `top web
top web -o pid,comm`,
  args: { min: 1 },
  interspersed: false,
  flags: {},
  async run({ session, args: [name = "", ...options] }) {
    const list = await session.client.json<Processes>({
      path: containerPath(name, "/top"),
      query: { ps_args: options.length === 0 ? undefined : options.join(" ") },
    });
    const rows = [list.Titles ?? [], ...(list.Processes ?? [])].map((cells) => cells.join("\t"));
    session.print(
      alignColumns(rows, COLUMNS)
        .map((line) => `${line}\n`)
        .join(""),
    );
    return undefined;
  },
});
