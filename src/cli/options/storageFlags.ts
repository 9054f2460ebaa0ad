import { boolFlag, listFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { toMap } from "./keyValues.ts";
import { parseMount } from "./mount.ts";
import type { MountSpec } from "./mount.ts";
import { parseVolumes } from "./volumes.ts";
import type { Volumes } from "./volumes.ts";

/** Mounts, the writable layer, logs. */
export type StorageFlags = Readonly<
  Record<"log-opt" | "storage-opt" | "tmpfs" | "volume" | "volumes-from", Flag<readonly string[]>> &
    Record<"log-driver" | "volume-driver", Flag<string>> &
    Record<"mount", Flag<readonly MountSpec[]>> &
    Record<"read-only", Flag<boolean>>
>;

export const STORAGE_FLAGS: StorageFlags = {
  "log-driver": stringFlag(undefined, "Logging driver for the container"),
  "log-opt": listFlag(undefined, "Log driver options"),
  mount: valueFlag<readonly MountSpec[]>("mount", "Attach a filesystem mount to the container", {
    initial: [],
    parse: (text, current) => [...current, parseMount(text)],
  }),
  "read-only": boolFlag(undefined, "Mount the container's root filesystem as read only"),
  "storage-opt": listFlag(undefined, "Storage driver options for the container"),
  tmpfs: listFlag(undefined, "Mount a tmpfs directory"),
  volume: listFlag("v", "Bind mount a volume"),
  "volume-driver": stringFlag(undefined, "Optional volume driver for the container"),
  "volumes-from": listFlag(undefined, "Mount volumes from the specified container(s)"),
};

/** @throws {Error} in Docker's words. */
export function volumesOf(flags: FlagValues<StorageFlags>): Volumes {
  return parseVolumes(flags.volume);
}

function logConfig(driver: string, options: readonly string[]): Readonly<Record<string, unknown>> {
  if (driver === "none" && options.length > 0) throw new Error(`invalid logging opts for driver ${driver}`);
  return { Type: driver, Config: toMap(options) };
}

function tmpfsMap(list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf(":");
      return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

const nullWhenEmpty = (list: readonly string[]): readonly string[] | null => (list.length === 0 ? null : list);

/** The part of HostConfig about storage. @throws {Error} in Docker's words. */
export function storageSettings(flags: FlagValues<StorageFlags>, volumes: Volumes): Readonly<Record<string, unknown>> {
  const LogConfig = logConfig(flags["log-driver"], flags["log-opt"]);
  const storage = flags["storage-opt"];
  if (storage.some((text) => !text.includes("="))) throw new Error("invalid storage option");
  return {
    Binds: nullWhenEmpty(volumes.binds),
    LogConfig,
    VolumeDriver: flags["volume-driver"],
    VolumesFrom: nullWhenEmpty(flags["volumes-from"]),
    ReadonlyRootfs: flags["read-only"],
    ...(storage.length === 0 ? {} : { StorageOpt: toMap(storage) }),
    ...(flags.tmpfs.length === 0 ? {} : { Tmpfs: tmpfsMap(flags.tmpfs) }),
    ...(flags.mount.length === 0 ? {} : { Mounts: flags.mount }),
  };
}
