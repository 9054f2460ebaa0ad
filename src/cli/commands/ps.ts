import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, filterFlag, FORMAT_USAGE, intFlag, stringFlag } from "../core/flags.ts";
import { CONTAINER_TITLES, containerRow } from "../format/containerRows.ts";
import type { ContainerSummary } from "../format/containerRows.ts";
import { listFormat, renderList } from "../format/table.ts";
import type { ListFormat } from "../format/table.ts";
import { parseTemplate } from "../template/template.ts";
import { TEMPLATE_PREFIX } from "../template/templateError.ts";
import { wireFilters } from "./images.ts";

const TABLE = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";

const RAW = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;
const QUIET_WINS = "WARNING: Ignoring custom format, because both --format and --quiet are set.";

const NO_CONTAINER: ContainerSummary = {
  Id: "",
  Names: null,
  Image: "",
  ImageID: "",
  Command: "",
  Created: 0,
  State: "",
  Status: "",
  Ports: null,
  Labels: null,
};

/** Docker finds what is wrong with a template before it asks for containers. @throws {CommandError} in its words. */
function checkTemplate(wish: string): void {
  let step = "parse";
  try {
    const template = parseTemplate(wish);
    step = "execute";
    template.execute(containerRow(NO_CONTAINER, false));
  } catch (error) {
    throw new CommandError(`failed to ${step} template: ${messageOf(error).replace(TEMPLATE_PREFIX, "")}`);
  }
}

function formatOf(wish: string, quiet: boolean, isSized: boolean): ListFormat {
  if (wish === "raw") {
    const text = quiet ? "container_id: {{.ID}}" : `${RAW}${isSized ? "size: {{.Size}}\n" : ""}`;
    return { template: text, isTable: false };
  }
  if (quiet) return { template: "{{.ID}}", isTable: false };
  return listFormat(wish, isSized ? `${TABLE}\t{{.Size}}` : TABLE);
}

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
  async run({ session, flags, given }) {
    if (flags.format !== "" && flags.quiet) session.warn(QUIET_WINS);
    const wish = flags.format || (session.config.formats["psFormat"] ?? "");
    if (wish !== "") checkTemplate(wish);
    const limit = flags.latest && flags.last === -1 ? 1 : flags.last;
    // Sizes cost the daemon a walk; they are asked for only where they are shown.
    const isSized = flags.size || (!flags.quiet && !given.has("size") && /\.Size\b/.test(wish));
    const list = await session.client.json<readonly ContainerSummary[]>({
      path: "/containers/json",
      query: {
        all: flags.all,
        limit: limit > 0 ? limit : undefined,
        size: isSized,
        filters: Object.keys(flags.filter).length === 0 ? undefined : wireFilters(flags.filter),
      },
    });
    const rows = list.map((container) => containerRow(container, flags["no-trunc"]));
    session.print(renderList(formatOf(wish, flags.quiet, isSized), CONTAINER_TITLES, rows));
    return undefined;
  },
});
