import type { HistoryItem } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import { listFormat, renderList } from "../format/table.ts";
import { ellipsis, humanDuration, humanSize, rfc3339, shortId } from "../format/units.ts";
import { platformParameter } from "../options/platform.ts";
import { rowStruct } from "../template/value.ts";
import type { GoStruct } from "../template/value.ts";

const TITLES = {
  ID: "IMAGE",
  CreatedSince: "CREATED",
  CreatedAt: "CREATED AT",
  CreatedBy: "CREATED BY",
  Size: "SIZE",
  Comment: "COMMENT",
};
const HUMAN = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
const EXACT = "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
const CREATED_BY_WIDTH = 45;

function row(item: HistoryItem, noTrunc: boolean, human: boolean): GoStruct {
  const by = item.CreatedBy.replaceAll("\t", " ");
  const since = item.Created <= 0 ? "N/A" : `${humanDuration(Date.now() - item.Created * 1000)} ago`;
  return rowStruct("*formatter.historyContext", {
    ID: () => (noTrunc ? item.Id : item.Id === "<missing>" ? item.Id : shortId(item.Id)),
    CreatedAt: () => rfc3339(item.Created),
    CreatedSince: () => (human ? since : rfc3339(item.Created)),
    CreatedBy: () => (noTrunc ? by : ellipsis(by, CREATED_BY_WIDTH)),
    Size: () => (human ? humanSize(item.Size, 3) : String(item.Size)),
    Comment: () => item.Comment,
  });
}

/** `varve history`. */
export const history: Command = defineCommand({
  use: "[OPTIONS] IMAGE",
  short: "Show the history of an image",
  examples: `history debian:12-slim
history --no-trunc --format '{{.CreatedBy}}' nginx`,
  args: { min: 1, max: 1 },
  flags: {
    format: stringFlag(undefined, FORMAT_USAGE),
    human: boolFlag("H", "Print sizes and dates in human readable format", true),
    "no-trunc": boolFlag(undefined, "Don't truncate output"),
    platform: stringFlag(
      undefined,
      'Show history for the given platform. Formatted as "os[/arch[/variant]]" (e.g., "linux/amd64")',
    ),
    quiet: boolFlag("q", "Only show image IDs"),
  },
  async run({ session, flags, args: [image = ""] }) {
    const platform = platformParameter(flags.platform);
    if (platform !== undefined) await session.client.requireApiVersion("1.48", "--platform");
    const items = await session.client.json<readonly HistoryItem[]>({
      path: `/images/${encodeURIComponent(image)}/history`,
      query: { platform },
    });
    const table = flags.human ? HUMAN : EXACT;
    const format =
      flags.quiet && flags.format === "" ? { template: "{{.ID}}", isTable: false } : listFormat(flags.format, table);
    session.print(
      renderList(
        format,
        TITLES,
        items.map((item) => row(item, flags["no-trunc"], flags.human)),
      ),
    );
    return undefined;
  },
});
