import type { VolumeResource } from "#engineapi";
import { GoStruct } from "../template/value.ts";
import type { GoField } from "../template/value.ts";
import { fields } from "./shape.ts";
import type { StructShape } from "./shape.ts";
import { humanSize } from "./units.ts";

/** Column titles of a volume row. */
export const VOLUME_TITLES: Readonly<Record<string, string>> = {
  Name: "VOLUME NAME",
  Driver: "DRIVER",
  Scope: "SCOPE",
  Mountpoint: "MOUNTPOINT",
  Labels: "LABELS",
  Links: "LINKS",
  Size: "SIZE",
  Availability: "AVAILABILITY",
  Group: "GROUP",
  Status: "STATUS",
};

/** What `volume inspect` reads. */
export const VOLUME_INSPECT: StructShape = {
  typeName: "volume.Volume",
  fields: fields(
    "ClusterVolume?:pointer",
    "CreatedAt?:string",
    "Driver:string",
    "Labels:map",
    "Mountpoint:string",
    "Name:string",
    "Options:map",
    "Scope:string",
    "Status?:map",
    "UsageData?:pointer",
  ),
};

const ABSENT = "N/A";

/** Go's formatter has a method `Label`, which JSON does not show. */
class VolumeRow extends GoStruct {
  readonly #labels: Readonly<Record<string, string>>;

  constructor(columns: readonly GoField[], labels: Readonly<Record<string, string>>) {
    super("*formatter.volumeContext", columns, true);
    this.#labels = labels;
  }

  override field(name: string): GoField | undefined {
    if (name !== "Label") return super.field(name);
    return { name, get: () => undefined, call: (key) => this.#labels[key] ?? "" };
  }
}

/** A row of `volume ls`. Columns of cluster volumes have nothing to show here. */
export function volumeRow(volume: VolumeResource): GoStruct {
  const labels = volume.Labels ?? {};
  const usage = volume.UsageData;
  const columns: Readonly<Record<string, string>> = {
    Availability: ABSENT,
    Driver: volume.Driver,
    Group: ABSENT,
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(","),
    Links: usage === undefined ? ABSENT : String(usage.RefCount),
    Mountpoint: volume.Mountpoint,
    Name: volume.Name,
    Scope: volume.Scope,
    Size: usage === undefined ? ABSENT : humanSize(usage.Size),
    Status: ABSENT,
  };
  return new VolumeRow(
    Object.entries(columns).map(([name, text]) => ({ name, get: () => text })),
    labels,
  );
}
