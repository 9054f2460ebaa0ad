import { EngineError, ErrorCode } from "#errors";
import { listMounts, unmount } from "#host";
import type { MountEntry } from "#host";
import type { SettingRecords, SnapshotRecord, SnapshotRecords } from "#metadata";
import { initOf } from "./directories.ts";
import type { SnapshotDirectories } from "./directories.ts";
import type { FixupStore } from "./fixupStore.ts";
import { chainOfInit } from "./initLayers.ts";

export interface RecoverOptions {
  readonly records: SnapshotRecords;
  readonly settings: SettingRecords;
  readonly directories: SnapshotDirectories;
  readonly fixups: FixupStore;
  /** False when layers are not mounted: mounts that another driver left on `diff` are in the way then. */
  readonly mountsLayers: boolean;
  readonly log: (message: string) => void;
}

const OWNER_SETTING = "snapshots.owner";

/**
 * Makes directories and records agree after a crash at any point: what no record names goes, with whatever is mounted
 * within; a committed layer without its directory gets an empty one (its driver fills it at need); a writable top
 * without its directory has lost its content and its record goes. Mounts of what lives are kept: containers may be
 * running on them. Returns the ids whose `merged` is mounted.
 *
 * @throws {failed_precondition} when the directory belongs to another engine: nothing of it is touched
 */
export async function recover(options: RecoverOptions): Promise<ReadonlySet<string>> {
  const { records, directories, fixups } = options;
  refuseForeign(options);
  for (const record of records.list()) mendRecord(options, record);
  const living = new Set(records.list().map(({ id }) => id));
  const inits = directories.ids().filter((name) => living.has(chainOfInit(name) ?? "") && directories.exists(name));
  const kept = new Set([...living].flatMap((id) => [id, initOf(id)]).concat(inits));
  for (const id of directories.ids()) {
    if (kept.has(id)) continue;
    options.log(`removing ${directories.root}/${id}, which no snapshot names`);
    await directories.remove(id);
  }
  await directories.sweepLinks(kept);
  for (const { target } of await listMounts(fixups.root)) await unmount(target, { lazy: true });
  for (const id of fixups.ids()) if (!living.has(id)) await fixups.remove(id);
  const mounts = await listMounts(directories.root);
  if (!options.mountsLayers) await unmountLayers(directories, mounts);
  const targets = new Set(mounts.map(({ target }) => target));
  return new Set([...living].filter((id) => targets.has(directories.at(id, "merged"))));
}

/** A directory full of Docker's layers must not be swept because our records do not know them. */
function refuseForeign({ settings, directories }: RecoverOptions): void {
  if (settings.get(OWNER_SETTING) !== undefined) return;
  if (directories.ids().length > 0) {
    throw new EngineError(
      "failed_precondition",
      ErrorCode.SNAPSHOT_EXISTS,
      `${directories.root} holds layers that this data root knows nothing of`,
      { hint: "Use another --data-root, or remove that directory if nothing uses it." },
    );
  }
  settings.put(OWNER_SETTING, "varve");
}

/** The file `lower` of a directory made anew stays away: it is for people, and mounts go by the records. */
function mendRecord({ records, directories }: RecoverOptions, record: SnapshotRecord): void {
  if (directories.exists(record.id)) return;
  if (record.kind === "committed") directories.create(record.id, []);
  else records.remove(record.name);
}

async function unmountLayers(directories: SnapshotDirectories, mounts: readonly MountEntry[]): Promise<void> {
  for (const { target } of mounts.toReversed()) {
    if (/\/(?:diff|fixup)$/.test(target) && target.startsWith(directories.root)) await unmount(target, { lazy: true });
  }
}
