import { isNotFound, messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, filterFlag, FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import { naturalOrder } from "../format/naturalOrder.ts";
import { NETWORK_TITLES, networkRow } from "../format/networkRows.ts";
import type { NetworkSummary } from "../format/networkRows.ts";
import { listFormat, renderList } from "../format/table.ts";
import { wireFilters } from "./images.ts";

const TABLE = "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";

/** `varve network ls`. */
export const networks: Command = defineCommand({
  use: "[OPTIONS]",
  short: "List networks",
  examples: `network ls
network ls --filter driver=bridge --format '{{.Name}}: {{.Labels}}'`,
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag("f", 'Provide filter values (e.g. "driver=bridge")'),
    format: stringFlag(undefined, FORMAT_USAGE),
    "no-trunc": boolFlag(undefined, "Do not truncate the output"),
    quiet: boolFlag("q", "Only display network IDs"),
  },
  async run({ session, flags }) {
    const found = await session.client.json<readonly NetworkSummary[]>({
      path: "/networks",
      query: { filters: Object.keys(flags.filter).length === 0 ? undefined : wireFilters(flags.filter) },
    });
    const wish = flags.format === "" && !flags.quiet ? (session.config.formats["networksFormat"] ?? "") : flags.format;
    const format = flags.quiet && wish === "" ? { template: "{{.ID}}", isTable: false } : listFormat(wish, TABLE);
    const rows = [...found]
      .sort((one, other) => naturalOrder(one.Name, other.Name))
      .map((network) => networkRow(network, flags["no-trunc"]));
    session.print(renderList(format, NETWORK_TITLES, rows));
    return undefined;
  },
});

/** `varve network rm`: one after the other, going on after a failure. */
export const removeNetworks: Command = defineCommand({
  use: "NETWORK [NETWORK...]",
  short: "Remove one or more networks",
  examples: "network rm backend frontend",
  args: { min: 1 },
  flags: { force: boolFlag("f", "Do not error if the network does not exist") },
  async run({ session, flags, args }) {
    let failed = false;
    for (const name of args) {
      try {
        await session.client.text({ method: "DELETE", path: `/networks/${encodeURIComponent(name)}` });
        session.print(`${name}\n`);
      } catch (error) {
        if (flags.force && isNotFound(error)) continue;
        session.warn(messageOf(error));
        failed = true;
      }
    }
    if (failed) throw new CommandError("exit status 1");
    return undefined;
  },
});
