import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { statFilesystem } from "#host";
import type { LayerStore } from "#layers";
import type { SettingRecords, SnapshotRecords } from "#metadata";
import { chooseDriver } from "./chooseDriver.ts";
import type { ChosenDriver, StorageDriver } from "./chooseDriver.ts";
import { SnapshotDirectories } from "./directories.ts";
import type { LayerDriver } from "./driver.ts";
import { ErofsDriver } from "./erofsDriver.ts";
import { FixupStore } from "./fixupStore.ts";
import { Mounter } from "./mounter.ts";
import { OverlaySnapshotter } from "./overlaySnapshotter.ts";
import { recover } from "./recover.ts";
import type { DriverInfo, Snapshotter } from "./snapshotter.ts";
import { UnpackedDriver } from "./unpackedDriver.ts";

export interface SnapshotterOptions {
  /** Snapshots lie in `<dataRoot>/overlay2`, fixup layers in `<dataRoot>/layers/fixups`. */
  readonly dataRoot: string;
  readonly records: SnapshotRecords;
  readonly settings: SettingRecords;
  readonly layers: LayerStore;
  /** Default: the best that kernel and filesystem allow. */
  readonly driver?: StorageDriver;
}

/**
 * Opens the snapshots of a data root and mends what a crash left. The caller closes the snapshotter.
 * @throws {failed_precondition} UNSUPPORTED_KERNEL when a forced driver cannot work here; SNAPSHOT_EXISTS when the
 * directory holds another engine's layers
 */
export async function openSnapshotter(options: SnapshotterOptions): Promise<Snapshotter> {
  const { dataRoot, records, settings, layers } = options;
  const directories = new SnapshotDirectories(join(dataRoot, "overlay2"));
  const fixupRoot = join(dataRoot, "layers", "fixups");
  mkdirSync(fixupRoot, { recursive: true, mode: 0o700 });
  const fixups = new FixupStore(fixupRoot, layers);
  const chosen = await chooseDriver({ forced: options.driver, directory: dataRoot, layers, settings });
  const driver = createDriver(chosen, { directories, layers, fixups });
  const mounted = await recover({ records, settings, directories, fixups, mountsLayers: driver.name === "erofs" });
  const info = await describe(driver, chosen, dataRoot);
  const mounter = new Mounter(directories, mounted);
  return new OverlaySnapshotter({ info, driver, records, layers, directories, fixups, mounter });
}

interface DriverParts {
  readonly directories: SnapshotDirectories;
  readonly layers: LayerStore;
  readonly fixups: FixupStore;
}

function createDriver({ backend }: ChosenDriver, parts: DriverParts): LayerDriver {
  return backend === "unpacked" ? new UnpackedDriver(parts) : new ErofsDriver({ backend, ...parts });
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
