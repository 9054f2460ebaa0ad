import type { Fields } from "./fields.ts";

/** One entry of `HostConfig.Mounts`, as it was asked; what kinds there are and what each may say is checked by `mounts/`. */
export interface MountRequest {
  readonly Type: string;
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Subpath?: string;
    readonly DriverConfig?: { readonly Name?: string; readonly Options?: Readonly<Record<string, string>> };
  };
  readonly ImageOptions?: { readonly Subpath?: string };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[];
  };
}

const given = <K extends string, V>(key: K, value: V | undefined | "" | false | 0): { readonly [P in K]?: V } =>
  value === undefined || value === "" || value === false || value === 0
    ? {}
    : ({ [key]: value } as { readonly [P in K]?: V });

function bindOptions(mount: Fields): Pick<MountRequest, "BindOptions"> {
  if (mount.get("BindOptions") === undefined) return {};
  const options = mount.object("BindOptions");
  return {
    BindOptions: {
      ...given("Propagation", options.text("Propagation")),
      ...given("NonRecursive", options.flag("NonRecursive")),
      ...given("CreateMountpoint", options.flag("CreateMountpoint")),
      ...given("ReadOnlyNonRecursive", options.flag("ReadOnlyNonRecursive")),
      ...given("ReadOnlyForceRecursive", options.flag("ReadOnlyForceRecursive")),
    },
  };
}

function volumeOptions(mount: Fields): Pick<MountRequest, "VolumeOptions"> {
  if (mount.get("VolumeOptions") === undefined) return {};
  const options = mount.object("VolumeOptions");
  const driver = options.object("DriverConfig");
  return {
    VolumeOptions: {
      ...given("NoCopy", options.flag("NoCopy")),
      ...(options.get("Labels") === undefined ? {} : { Labels: options.textMap("Labels") }),
      ...given("Subpath", options.text("Subpath")),
      ...(options.get("DriverConfig") === undefined
        ? {}
        : {
            DriverConfig: {
              ...given("Name", driver.text("Name")),
              ...(driver.get("Options") === undefined ? {} : { Options: driver.textMap("Options") }),
            },
          }),
    },
  };
}

function tmpfsOptions(mount: Fields): Pick<MountRequest, "TmpfsOptions"> {
  if (mount.get("TmpfsOptions") === undefined) return {};
  const options = mount.object("TmpfsOptions");
  const list = options.get("Options");
  const flags = Array.isArray(list)
    ? list.map((item: unknown): readonly string[] => (Array.isArray(item) ? item.map(String) : [String(item)]))
    : undefined;
  return {
    TmpfsOptions: {
      ...given("SizeBytes", options.integer("SizeBytes")),
      ...given("Mode", options.integer("Mode")),
      ...given("Options", flags),
    },
  };
}

export function parseMounts(fields: Fields): readonly MountRequest[] {
  return fields.objects("Mounts").map((mount) => ({
    Type: mount.text("Type"),
    ...given("Source", mount.text("Source")),
    Target: mount.text("Target"),
    ...given("ReadOnly", mount.flag("ReadOnly")),
    ...given("Consistency", mount.text("Consistency")),
    ...bindOptions(mount),
    ...volumeOptions(mount),
    ...(mount.get("ImageOptions") === undefined
      ? {}
      : { ImageOptions: given("Subpath", mount.object("ImageOptions").text("Subpath")) }),
    ...tmpfsOptions(mount),
  }));
}
