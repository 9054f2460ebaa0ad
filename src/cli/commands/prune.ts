import type { ImageDeleteItem, ImagesPruneReport } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, filterFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { humanSize } from "../format/units.ts";
import { pruneFilters } from "../options/pruneFilters.ts";
import type { FilterValues } from "../options/pruneFilters.ts";
import { confirm } from "../stream/prompt.ts";
import { filterQuery, wireFilters } from "./images.ts";

/** What a prune removed: lines to print, and bytes. */
export interface Pruned {
  readonly text: string;
  readonly bytes: number;
}

const PRUNE_FILTER = 'Provide filter values (e.g. "until=<timestamp>")';
const WARNING = {
  dangling: "WARNING! This will remove all dangling images.\nAre you sure you want to continue?",
  all: "WARNING! This will remove all images without at least one container associated to them.\nAre you sure you want to continue?",
  containers: "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?",
  networks:
    "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?",
};

/** Removes what is unused of its kind. */
export async function pruneImages(session: Session, all: boolean, filter: FilterValues): Promise<Pruned> {
  const report = await session.client.json<ImagesPruneReport>({
    method: "POST",
    path: "/images/prune",
    query: { filters: wireFilters({ ...filter, dangling: [String(!all)] }) },
  });
  const line = ({ Untagged, Deleted }: ImageDeleteItem): string =>
    Untagged === undefined || Untagged === "" ? `deleted: ${Deleted ?? ""}\n` : `untagged: ${Untagged}\n`;
  const deleted = report.ImagesDeleted ?? [];
  return {
    text: deleted.length === 0 ? "" : `Deleted Images:\n${deleted.map(line).join("")}`,
    bytes: report.SpaceReclaimed,
  };
}

/** Removes what is unused of its kind. */
export async function pruneContainers(session: Session, filter: FilterValues): Promise<Pruned> {
  const report = await session.client.json<{ ContainersDeleted: readonly string[] | null; SpaceReclaimed: number }>({
    method: "POST",
    path: "/containers/prune",
    query: { filters: filterQuery(filter) },
  });
  const deleted = report.ContainersDeleted ?? [];
  return {
    text: deleted.length === 0 ? "" : `Deleted Containers:\n${deleted.join("\n")}\n`,
    bytes: report.SpaceReclaimed,
  };
}

/** Removes what is unused of its kind. */
export async function pruneNetworks(session: Session, filter: FilterValues): Promise<Pruned> {
  const report = await session.client.json<{ NetworksDeleted: readonly string[] | null }>({
    method: "POST",
    path: "/networks/prune",
    query: { filters: filterQuery(filter) },
  });
  const deleted = report.NetworksDeleted ?? [];
  return { text: deleted.length === 0 ? "" : `Deleted Networks:\n${deleted.join("\n")}\n`, bytes: 0 };
}

async function agreed(session: Session, force: boolean, warning: string): Promise<void> {
  if (force || (await confirm(session, warning))) return;
  // A no is no failure, as with Docker.
  throw new CommandError("", 0);
}

function report(session: Session, parts: readonly Pruned[]): void {
  for (const { text } of parts) if (text !== "") session.print(`${text}\n`);
  session.print(`Total reclaimed space: ${humanSize(parts.reduce((sum, part) => sum + part.bytes, 0))}\n`);
}

/** `varve image prune`. */
export const imagePrune: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Remove unused images",
  examples: `image prune
image prune -af --filter until=24h`,
  args: { min: 0, max: 0 },
  flags: {
    all: boolFlag("a", "Remove all unused images, not just dangling ones"),
    filter: filterFlag(undefined, PRUNE_FILTER),
    force: boolFlag("f", "Do not prompt for confirmation"),
  },
  async run({ session, flags }) {
    await agreed(session, flags.force, flags.all ? WARNING.all : WARNING.dangling);
    report(session, [await pruneImages(session, flags.all, pruneFilters(session.config, flags.filter))]);
    return undefined;
  },
});

/** `varve container prune`. */
export const containerPrune: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Remove all stopped containers",
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag(undefined, PRUNE_FILTER),
    force: boolFlag("f", "Do not prompt for confirmation"),
  },
  async run({ session, flags }) {
    await agreed(session, flags.force, WARNING.containers);
    report(session, [await pruneContainers(session, pruneFilters(session.config, flags.filter))]);
    return undefined;
  },
});

/** `varve network prune`. */
export const networkPrune: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Remove all unused networks",
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag(undefined, PRUNE_FILTER),
    force: boolFlag("f", "Do not prompt for confirmation"),
  },
  async run({ session, flags }) {
    await agreed(session, flags.force, WARNING.networks);
    const { text } = await pruneNetworks(session, pruneFilters(session.config, flags.filter));
    if (text !== "") session.print(`${text}\n`);
    return undefined;
  },
});
