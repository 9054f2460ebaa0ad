import type { ImageSummary } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, filterFlag, FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import { terminalOf } from "../core/session.ts";
import { IMAGE_TITLES, imageRows, imageTable, withDigests } from "../format/imageRows.ts";
import { listFormat, renderList } from "../format/table.ts";

/** How wide a tree is where there is no terminal. */
const PIPE_COLUMNS = 80;

/** `varve images`, `varve image ls`. */
export const images: Command = defineCommand({
  use: "[OPTIONS] [REPOSITORY[:TAG]]",
  short: "List images",
  examples: `images
images --filter dangling=true -q
images --format 'table {{.Repository}}\\t{{.Tag}}\\t{{.Size}}'
images --tree`,
  args: { min: 0, max: 1 },
  flags: {
    all: boolFlag("a", "Show all images (default hides intermediate images)"),
    digests: boolFlag(undefined, "Show digests"),
    filter: filterFlag("f", "Filter output based on conditions provided"),
    format: stringFlag(undefined, FORMAT_USAGE),
    "no-trunc": boolFlag(undefined, "Don't truncate output"),
    quiet: boolFlag("q", "Only show image IDs"),
    tree: boolFlag(undefined, "List multi-platform images as a tree (EXPERIMENTAL)"),
  },
  async run({ session, flags, args: [pattern] }) {
    if (flags.tree) refuseBesideTree(flags);
    if (flags.tree) await session.client.requireApiVersion("1.47", "--tree");
    else await session.client.apiVersion();
    const filters =
      pattern === undefined
        ? flags.filter
        : { ...flags.filter, reference: [...(flags.filter["reference"] ?? []), pattern] };
    const found = await session.client.json<readonly ImageSummary[]>({
      path: "/images/json",
      query: {
        all: flags.all,
        ...(Object.keys(filters).length === 0 ? {} : { filters: wireFilters(filters) }),
        manifests: flags.tree,
      },
    });
    if (flags.tree) {
      const { renderTree } = await import("../format/imageTree.ts");
      const terminal = terminalOf(session.stdout);
      const screen = { isTerminal: terminal !== undefined, columns: terminal?.columns ?? PIPE_COLUMNS };
      session.print(renderTree(found, screen, flags.all));
      return undefined;
    }
    const wish = flags.format === "" && !flags.quiet ? (session.config.formats["imagesFormat"] ?? "") : flags.format;
    const table = flags.quiet ? { template: "{{.ID}}", isTable: false } : undefined;
    const format = wish === "" && table !== undefined ? table : listFormat(wish, imageTable(flags.digests));
    const digests = flags.digests || withDigests(format.template);
    session.print(
      renderList(
        format,
        IMAGE_TITLES,
        imageRows(found, { noTrunc: flags["no-trunc"], digests, digestRows: flags.digests }),
      ),
    );
    return undefined;
  },
});

/** Filters as the API's query takes them: `{"dangling":{"true":true}}`. */
export function wireFilters(filters: Readonly<Record<string, readonly string[]>>): string {
  const sets = Object.entries(filters).map(([key, values]) => [
    key,
    Object.fromEntries(values.map((value) => [value, true])),
  ]);
  return JSON.stringify(Object.fromEntries(sets));
}

/** {@link wireFilters}, left out when there are none. */
export function filterQuery(filters: Readonly<Record<string, readonly string[]>>): string | undefined {
  return Object.keys(filters).length === 0 ? undefined : wireFilters(filters);
}

function refuseBesideTree(flags: { readonly [name: string]: unknown }): void {
  const words: Readonly<Record<string, string>> = {
    quiet: "--quiet",
    "no-trunc": "--no-trunc",
    digests: "--show-digest",
    format: "--format",
  };
  for (const [name, word] of Object.entries(words)) {
    if (flags[name] === true || (name === "format" && flags[name] !== "")) {
      throw new CommandError(`${word} is not yet supported with --tree`);
    }
  }
}
