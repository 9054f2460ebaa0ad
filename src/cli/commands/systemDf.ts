import type { ImageSummary } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import { diskUsageDetails, diskUsageStruct } from "../format/diskUsageDetails.ts";
import type { DiskUsage } from "../format/diskUsageDetails.ts";
import { listFormat, renderList } from "../format/table.ts";
import { humanSize } from "../format/units.ts";
import { parseTemplate } from "../template/template.ts";
import { rowStruct } from "../template/value.ts";
import type { GoStruct } from "../template/value.ts";

const TITLES = { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" };
const TABLE = "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";
const RUNNING = ["running", "paused", "restarting"];

interface Totals {
  readonly type: string;
  readonly count: number;
  readonly active: number;
  readonly bytes: number;
  readonly reclaimable: number;
  readonly percent: boolean;
}

function row(totals: Totals): GoStruct {
  const { bytes, reclaimable } = totals;
  const percent = totals.percent && bytes > 0 ? ` (${Math.trunc((reclaimable * 100) / bytes)}%)` : "";
  return rowStruct("*formatter.diskUsageContext", {
    Type: () => totals.type,
    TotalCount: () => String(totals.count),
    Active: () => String(totals.active),
    Size: () => humanSize(bytes),
    Reclaimable: () => humanSize(reclaimable) + percent,
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const ownBytes = (image: ImageSummary): number => (image.SharedSize === -1 ? 0 : image.Size - image.SharedSize);

function totals(usage: DiskUsage): readonly Totals[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const used = images.filter((image) => image.Containers !== 0);
  const layers = usage.LayersSize ?? 0;
  const idle = containers.filter((container) => !RUNNING.includes(container.State));
  const volumeBytes = volumes.map((volume) => Math.max(0, volume.UsageData?.Size ?? 0));
  const idleVolumes = volumes.map((volume, index) =>
    volume.UsageData?.RefCount === 0 ? (volumeBytes[index] ?? 0) : 0,
  );
  const cacheOwn = cache.filter((record) => !record.Shared);
  return [
    {
      type: "Images",
      count: images.length,
      active: images.filter((image) => image.Containers > 0).length,
      bytes: layers,
      reclaimable: layers - sum(used.map(ownBytes)),
      percent: true,
    },
    {
      type: "Containers",
      count: containers.length,
      active: containers.length - idle.length,
      bytes: sum(containers.map((container) => container.SizeRw ?? 0)),
      reclaimable: sum(idle.map((container) => container.SizeRw ?? 0)),
      percent: true,
    },
    {
      type: "Local Volumes",
      count: volumes.length,
      active: volumes.filter((volume) => (volume.UsageData?.RefCount ?? 0) > 0).length,
      bytes: sum(volumeBytes),
      reclaimable: sum(idleVolumes),
      percent: true,
    },
    {
      type: "Build Cache",
      count: cache.length,
      active: cache.filter((record) => record.InUse).length,
      bytes: sum(cacheOwn.map((record) => record.Size)),
      reclaimable: sum(cacheOwn.filter((record) => !record.InUse).map((record) => record.Size)),
      percent: false,
    },
  ];
}

/** `varve system df`. */
export const systemDf: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Show varve disk usage",
  examples: `system df
system df -v`,
  args: { min: 0, max: 0 },
  flags: {
    format: stringFlag(undefined, FORMAT_USAGE),
    verbose: boolFlag("v", "Show detailed information on space usage"),
  },
  async run({ session, flags }) {
    const detailed = flags.verbose && !["", "table"].includes(flags.format);
    const template = detailed ? parseTemplate(flags.format === "json" ? "{{json .}}" : flags.format) : undefined;
    const usage = await session.client.json<DiskUsage>({ path: "/system/df" });
    if (template !== undefined) session.print(template.execute(diskUsageStruct(usage)));
    else if (flags.verbose) session.print(diskUsageDetails(usage));
    else session.print(renderList(listFormat(flags.format, TABLE), TITLES, totals(usage).map(row)));
    return undefined;
  },
});
