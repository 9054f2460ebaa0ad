import { join } from "node:path";
import { statFilesystem } from "#host";
import type { LayerStore } from "#layers";
import type { SettingRecords, SnapshotRecords } from "#metadata";
import { chooseDriver, parseStorageDriver } from "./chooseDriver.ts";
import type { ChosenDriver } from "./chooseDriver.ts";
import { SnapshotDirectories } from "./directories.ts";
import type { LayerDriver } from "./driver.ts";
import { ErofsDriver } from "./erofsDriver.ts";
import { FixupStore } from "./fixupStore.ts";
import { Mounter } from "./mounter.ts";
import { OverlaySnapshotter } from "./overlaySnapshotter.ts";
import { PreparedMarks } from "./preparedMarks.ts";
import { recover } from "./recover.ts";
import type { DriverInfo, Snapshotter, StackMounts } from "./snapshotter.ts";
import { UnpackedDriver } from "./unpackedDriver.ts";

export interface SnapshotterOptions {
  /** Snapshots lie in `<dataRoot>/overlay2`, fixup layers in `<dataRoot>/layers/fixups`. */
  readonly dataRoot: string;
  readonly records: SnapshotRecords;
  readonly settings: SettingRecords;
  readonly layers: LayerStore;
  /** `erofs` (file or loop), `erofs-file`, `erofs-loop`, `overlay2`. Default: the best that kernel and filesystem allow. */
  readonly driver?: string | undefined;
  /** Told of what was swept. */
  readonly log?: (message: string) => void;
}

/**
 * Opens the snapshots of a data root and mends what a crash left. The caller closes the snapshotter.
 * @throws {invalid_argument} INVALID_FLAG for an unknown driver
 * @throws {failed_precondition} UNSUPPORTED_KERNEL when a forced driver cannot work here; SNAPSHOT_EXISTS when the
 * directory holds another engine's layers
 */
export async function openSnapshotter(options: SnapshotterOptions): Promise<Snapshotter & StackMounts> {
  const { dataRoot, records, settings, layers } = options;
  const directories = new SnapshotDirectories(join(dataRoot, "overlay2"));
  const fixups = new FixupStore(join(dataRoot, "layers", "fixups"), layers);
  const forced = options.driver === undefined ? undefined : parseStorageDriver(options.driver);
  const chosen = await chooseDriver({ forced, directory: fixups.root, layers, settings });
  const driver = await createDriver(chosen, { directories, layers, fixups });
  const log = options.log ?? ((): void => {});
  const mountsLayers = driver.name === "erofs";
  const mounted = await recover({ records, settings, directories, fixups, mountsLayers, log });
  const info = await describe(driver, chosen, dataRoot);
  const mounter = new Mounter(directories, mounted);
  return new OverlaySnapshotter({ info, driver, records, layers, directories, fixups, mounter });
}

interface DriverParts {
  readonly directories: SnapshotDirectories;
  readonly layers: LayerStore;
  readonly fixups: FixupStore;
}

async function createDriver({ backend }: ChosenDriver, parts: DriverParts): Promise<LayerDriver> {
  const marks = await PreparedMarks.open(parts.directories, backend === "unpacked" ? "overlay2" : "erofs");
  return backend === "unpacked"
    ? new UnpackedDriver({ ...parts, marks })
    : new ErofsDriver({ backend, ...parts, marks });
}

async function describe(
  { name, backend }: LayerDriver,
  { reason }: ChosenDriver,
  dataRoot: string,
): Promise<DriverInfo> {
  const { type } = await statFilesystem(dataRoot);
  return {
    name,
    backend,
    status: [
      ["Backing Filesystem", type],
      ["Layers", LAYERS[backend]],
      ["Chosen because", reason],
    ],
  };
}

const LAYERS: Readonly<Record<DriverInfo["backend"], string>> = {
  file: "mounted from their files",
  loop: "mounted over loop devices",
  unpacked: "unpacked",
};
