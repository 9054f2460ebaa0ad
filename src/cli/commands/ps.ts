import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, filterFlag, FORMAT_USAGE, intFlag, stringFlag } from "../core/flags.ts";
import { CONTAINER_TITLES, containerRow } from "../format/containerRows.ts";
import type { ContainerSummary } from "../format/containerRows.ts";
import { listFormat, renderList } from "../format/table.ts";
import { wireFilters } from "./images.ts";

const TABLE = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

/** `varve ps`, `varve container ls`. */
export const ps: Command = defineCommand({
  use: "[OPTIONS]",
  short: "List containers",
  examples: `ps -a
ps --format '{{.ID}}: {{.Status}}'
ps -a --filter ancestor=nginx`,
  args: { min: 0, max: 0 },
  flags: {
    all: boolFlag("a", "Show all containers (default shows just running)"),
    filter: filterFlag("f", "Filter output based on conditions provided"),
    format: stringFlag(undefined, FORMAT_USAGE),
    last: intFlag("n", "Show n last created containers (includes all states)", -1),
    latest: boolFlag("l", "Show the latest created container (includes all states)"),
    "no-trunc": boolFlag(undefined, "Don't truncate output"),
    quiet: boolFlag("q", "Only display container IDs"),
    size: boolFlag("s", "Display total file sizes"),
  },
  async run({ session, flags }) {
    const wish = flags.format === "" && !flags.quiet ? (session.config.formats["psFormat"] ?? "") : flags.format;
    const table = flags.size ? `${TABLE}\t{{.Size}}` : TABLE;
    const format = flags.quiet && wish === "" ? { template: "{{.ID}}", isTable: false } : listFormat(wish, table);
    const limit = flags.latest ? 1 : flags.last;
    const list = await session.client.json<readonly ContainerSummary[]>({
      path: "/containers/json",
      query: {
        all: flags.all,
        limit: limit > 0 ? limit : undefined,
        // Sizes cost the daemon a walk; they are asked for only where they are shown.
        size: flags.size || /\.Size|json \./.test(wish),
        filters: Object.keys(flags.filter).length === 0 ? undefined : wireFilters(flags.filter),
      },
    });
    session.print(
      renderList(
        format,
        CONTAINER_TITLES,
        list.map((container) => containerRow(container, flags["no-trunc"])),
      ),
    );
    return undefined;
  },
});
