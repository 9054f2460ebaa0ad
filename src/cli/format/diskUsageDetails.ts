import type { ImageSummary } from "#engineapi";
import { familiarName, parseReference } from "#oci";
import { GoStruct, rowStruct } from "../template/value.ts";
import { containerRow, imageName } from "./containerRows.ts";
import type { ContainerSummary } from "./containerRows.ts";
import { alignColumns } from "./tabwriter.ts";
import { ellipsis, goTime, humanDuration, humanSize, shortId } from "./units.ts";

/** `GET /system/df` (spec, API 1.44): each part null when there is nothing of it. */
export interface DiskUsage {
  readonly LayersSize?: number;
  readonly Images?: readonly ImageSummary[] | null;
  readonly Containers?: readonly ContainerSummary[] | null;
  readonly Volumes?: readonly VolumeUsage[] | null;
  readonly BuildCache?: readonly CacheRecord[] | null;
}

interface VolumeUsage {
  readonly Name: string;
  readonly UsageData?: { readonly Size: number; readonly RefCount: number } | null;
}

interface CacheRecord {
  readonly ID: string;
  readonly Type: string;
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt?: string | null;
  readonly UsageCount: number;
  readonly InUse: boolean;
  readonly Shared: boolean;
}

const CACHE_TYPE_WIDTH = 13;
const COMMAND_WIDTH = 20;

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return alignColumns([titles, ...rows].map((cells) => cells.join("\t")))
    .map((line) => `${line}\n`)
    .join("");
}

const ago = (seconds: number): string => `${humanDuration(Date.now() - seconds * 1000)} ago`;

/** Only the first tag is shown. */
function firstName(image: ImageSummary): readonly [repository: string, tag: string] {
  const text = image.RepoTags?.[0];
  if (text === undefined || text === "<none>:<none>") return ["<none>", "<none>"];
  const reference = parseReference(text);
  return [familiarName(reference), reference.tag ?? "<none>"];
}

function imageCells(image: ImageSummary): readonly string[] {
  const shared = image.SharedSize;
  return [
    ...firstName(image),
    shortId(image.Id),
    ago(image.Created),
    humanSize(image.Size, 3),
    shared === -1 ? "N/A" : humanSize(shared),
    shared === -1 ? "N/A" : humanSize(image.Size - shared),
    image.Containers === -1 ? "N/A" : String(image.Containers),
  ];
}

function containerCells(container: ContainerSummary): readonly string[] {
  return [
    shortId(container.Id),
    imageName(container, false),
    JSON.stringify(ellipsis(container.Command, COMMAND_WIDTH)),
    String((container.Mounts ?? []).filter((mount) => mount.Driver === "local").length),
    humanSize(container.SizeRw ?? 0, 3),
    ago(container.Created),
    container.Status,
    (container.Names ?? []).map((name) => name.replace(/^\//, "")).join(","),
  ];
}

function volumeCells({ Name, UsageData: data }: VolumeUsage): readonly string[] {
  return [
    Name,
    data === undefined || data === null ? "N/A" : String(data.RefCount),
    data === undefined || data === null || data.Size === -1 ? "N/A" : humanSize(data.Size),
  ];
}

function cacheCells(record: CacheRecord): readonly string[] {
  const used = record.LastUsedAt;
  return [
    shortId(record.ID),
    ellipsis(record.Type, CACHE_TYPE_WIDTH),
    humanSize(record.Size, 3),
    ago(Date.parse(record.CreatedAt) / 1000),
    used === undefined || used === null ? "" : ago(Date.parse(used) / 1000),
    String(record.UsageCount),
    String(record.Shared),
  ];
}

function imageDetail(image: ImageSummary): GoStruct {
  const shared = image.SharedSize;
  const [repository, tag] = firstName(image);
  return rowStruct("*formatter.diskUsageImageContext", {
    Containers: () => (image.Containers === -1 ? "N/A" : String(image.Containers)),
    CreatedAt: () => goTime(image.Created),
    CreatedSince: () => ago(image.Created),
    Digest: () => "",
    ID: () => image.Id,
    Repository: () => repository,
    SharedSize: () => (shared === -1 ? "N/A" : humanSize(shared)),
    Size: () => humanSize(image.Size, 3),
    Tag: () => tag,
    UniqueSize: () => (shared === -1 ? "N/A" : humanSize(image.Size - shared)),
    VirtualSize: () => humanSize(image.Size),
  });
}

/** `system df -v --format`: what a template sees. */
export function diskUsageStruct(usage: DiskUsage): GoStruct {
  return new GoStruct("*formatter.diskUsageContext", [
    { name: "Images", get: () => (usage.Images ?? []).map(imageDetail) },
    { name: "Containers", get: () => (usage.Containers ?? []).map((container) => containerRow(container, false)) },
    {
      name: "Volumes",
      get: () =>
        (usage.Volumes ?? []).map((volume) => {
          const [name = "", links = "", size = ""] = volumeCells(volume);
          return rowStruct("*formatter.volumeContext", { Name: () => name, Links: () => links, Size: () => size });
        }),
    },
    {
      name: "BuildCache",
      get: () =>
        (usage.BuildCache ?? []).map((record) =>
          rowStruct("*formatter.buildCacheContext", {
            ID: () => record.ID,
            CacheType: () => record.Type,
            Size: () => humanSize(record.Size, 3),
            InUse: () => String(record.InUse),
            Shared: () => String(record.Shared),
            UsageCount: () => String(record.UsageCount),
          }),
        ),
    },
  ]);
}

/** `system df -v`: every image, container, volume and cache record. */
export function diskUsageDetails(usage: DiskUsage): string {
  const cache = usage.BuildCache ?? [];
  const cacheBytes = cache.filter((record) => !record.Shared).reduce((total, record) => total + record.Size, 0);
  return [
    "Images space usage:\n\n",
    table(
      ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"],
      (usage.Images ?? []).map(imageCells),
    ),
    "\nContainers space usage:\n\n",
    table(
      ["CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"],
      (usage.Containers ?? []).map(containerCells),
    ),
    "\nLocal Volumes space usage:\n\n",
    table(["VOLUME NAME", "LINKS", "SIZE"], (usage.Volumes ?? []).map(volumeCells)),
    `\nBuild cache usage: ${humanSize(cacheBytes)}\n\n`,
    table(["CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "USAGE", "SHARED"], cache.map(cacheCells)),
  ].join("");
}
