import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, filterFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { humanSize } from "../format/units.ts";
import { pruneFilters, shownFilters } from "../options/pruneFilters.ts";
import type { FilterValues } from "../options/pruneFilters.ts";
import { confirm } from "../stream/prompt.ts";
import { filterQuery } from "./images.ts";
import { pruneContainers, pruneImages, pruneNetworks } from "./prune.ts";
import type { Pruned } from "./prune.ts";
import { pruneVolumes } from "./volumes.ts";

interface Wish {
  readonly all: boolean;
  readonly volumes: boolean;
  readonly filter: FilterValues;
}

function question({ all, volumes, filter }: Wish): string {
  const things = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
    all ? "all images without at least one container associated to them" : "all dangling images",
    all ? "all build cache" : "unused build cache",
  ];
  const filters = shownFilters(filter);
  const list = (lines: readonly string[]): string => lines.map((line) => `  - ${line}\n`).join("");
  const filtered = filters.length === 0 ? "" : `\n  Items to be pruned will be filtered with:\n${list(filters)}`;
  return `WARNING! This will remove:\n${list(things)}${filtered}\nAre you sure you want to continue?`;
}

async function pruneBuildCache(session: Session, { all, filter }: Wish): Promise<Pruned> {
  const report = await session.client.json<{ CachesDeleted: readonly string[] | null; SpaceReclaimed: number }>({
    method: "POST",
    path: "/build/prune",
    query: { all, filters: filterQuery(filter) },
  });
  const deleted = report.CachesDeleted ?? [];
  return {
    text: deleted.length === 0 ? "" : `Deleted build cache objects:\n${deleted.join("\n")}\n`,
    bytes: report.SpaceReclaimed,
  };
}

/** `varve system prune`. */
export const systemPrune: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Remove unused data",
  examples: "system prune -af --volumes",
  args: { min: 0, max: 0 },
  flags: {
    all: boolFlag("a", "Remove all unused images not just dangling ones"),
    filter: filterFlag(undefined, 'Provide filter values (e.g. "label=<key>=<value>")'),
    force: boolFlag("f", "Do not prompt for confirmation"),
    volumes: boolFlag(undefined, "Prune anonymous volumes"),
  },
  async run({ session, flags }) {
    if (flags.volumes && flags.filter["until"] !== undefined) {
      throw new CommandError('ERROR: The "until" filter is not supported with "--volumes"');
    }
    const wish = { all: flags.all, volumes: flags.volumes, filter: pruneFilters(session.config, flags.filter) };
    if (!flags.force && !(await confirm(session, question(wish)))) return undefined;
    const steps = [
      () => pruneContainers(session, wish.filter),
      () => pruneNetworks(session, wish.filter),
      ...(wish.volumes ? [() => pruneVolumes(session, wish.filter)] : []),
      () => pruneImages(session, wish.all, wish.filter),
      () => pruneBuildCache(session, wish),
    ];
    let bytes = 0;
    for (const step of steps) {
      const pruned = await step();
      bytes += pruned.bytes;
      if (pruned.text !== "") session.print(`${pruned.text}\n`);
    }
    session.print(`Total reclaimed space: ${humanSize(bytes)}\n`);
    return undefined;
  },
});
