import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { EventSink } from "#engineapi";
import { EngineError, ErrorCode, wrapError } from "#errors";
import { KeyedLock, fromNodeError, isErrno, listMounts } from "#host";
import type { DocumentRecords } from "#metadata";
import { mountLocal, unmountLocal } from "./localMount.ts";
import { checkOptions, needsMount } from "./localOptions.ts";
import { inUse, noSuchDriver, noSuchVolume } from "./volumeError.ts";
import { anonymousName, checkVolumeName, isVolumeName } from "./volumeName.ts";
import { ANONYMOUS_LABEL, parseVolumeRecord } from "./volumeRecord.ts";
import type { VolumeRecord } from "./volumeRecord.ts";
import type { VolumeRequest } from "./volumeService.ts";

/** A volume that is there. */
export interface Volume {
  record: VolumeRecord;
  /** Containers that were created with it. */
  readonly holders: Set<string>;
  /** Containers that run with it. */
  readonly users: Set<string>;
}

export interface VolumeStoreOptions {
  /** `<data root>/volumes` */
  readonly root: string;
  readonly records: DocumentRecords;
  readonly events: EventSink;
  readonly log: (level: "info" | "warn" | "error", line: string) => void;
}

/** What a record says only for a while. */
type Mark = "madeFor" | "filling" | "going";

const DRIVER = "local";
const DATA = "_data";

/** Volumes, their records and directories. What is done to one volume is done one thing after the other. */
export class VolumeStore {
  readonly options: VolumeStoreOptions;
  readonly #volumes = new Map<string, Volume>();
  readonly #locks = new KeyedLock();

  constructor(options: VolumeStoreOptions) {
    this.options = options;
  }

  find(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  /** @throws {not_found} */
  get(name: string): Volume {
    const found = this.#volumes.get(name);
    if (found === undefined) throw noSuchVolume(name);
    return found;
  }

  /** In no order. */
  all(): readonly Volume[] {
    return [...this.#volumes.values()];
  }

  /** By name. */
  list(): readonly Volume[] {
    return this.all().toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }

  directory(name: string): string {
    return join(this.options.root, name, DATA);
  }

  /**
   * The volume of a name, made if there is none; `holder` holds it from then on, and is whom a new one was made for.
   * @throws {invalid_argument} {not_found} in Docker's words
   */
  async create(request: VolumeRequest, holder?: string): Promise<Volume> {
    const anonymous = (request.name ?? "") === "";
    const name = anonymous ? anonymousName() : (request.name ?? "");
    const driver = request.driver ?? "";
    if (driver !== "" && driver !== DRIVER) throw noSuchDriver(name, driver);
    return this.#locks.run(name, async () => {
      const volume = this.#volumes.get(name) ?? (await this.#make(name, request, { anonymous, holder }));
      if (holder !== undefined) volume.holders.add(holder);
      return volume;
    });
  }

  async #make(
    name: string,
    request: VolumeRequest,
    { anonymous, holder }: { readonly anonymous: boolean; readonly holder: string | undefined },
  ): Promise<Volume> {
    checkVolumeName(name);
    const options = request.options ?? null;
    if (options !== null) checkOptions(name, options);
    const labels = request.labels ?? null;
    await this.#makeDirectory(name);
    const volume: Volume = {
      record: {
        version: 1,
        name,
        driver: DRIVER,
        createdAt: new Date().toISOString(),
        labels: anonymous ? { ...labels, [ANONYMOUS_LABEL]: "" } : labels,
        options: options === null || Object.keys(options).length === 0 ? null : sorted(options),
        ...(holder === undefined ? {} : { madeFor: holder }),
      },
      holders: new Set(),
      users: new Set(),
    };
    this.#put(volume);
    this.#volumes.set(name, volume);
    this.emit(volume, "create");
    return volume;
  }

  /** What a lost record left is taken up; a file in its place is refused. */
  async #makeDirectory(name: string): Promise<void> {
    try {
      await mkdir(this.options.root, { recursive: true, mode: 0o701 });
      await mkdir(join(this.options.root, name), { recursive: true, mode: 0o701 });
      await mkdir(this.directory(name), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw fromNodeError(error);
    }
  }

  /** @throws {conflict} VOLUME_IN_USE, and when something is mounted in it */
  remove(name: string): Promise<void> {
    return this.#locks.run(name, async () => {
      const volume = this.get(name);
      if (volume.holders.size > 0) throw inUse(name, volume.holders);
      await this.#refuseMounts(volume);
      this.#change(volume, { going: true });
      this.#volumes.delete(name);
      await this.#removeGone(name);
      this.emit(volume, "destroy");
    });
  }

  async #refuseMounts({ record: { name } }: Volume): Promise<void> {
    await unmountLocal(this.directory(name));
    const [mounted] = await listMounts(join(this.options.root, name));
    if (mounted === undefined) return;
    const message = `remove ${name}: something is mounted in the volume: ${mounted.target}`;
    throw new EngineError("conflict", ErrorCode.VOLUME_IN_USE, message);
  }

  async #removeGone(name: string): Promise<void> {
    try {
      await rm(join(this.options.root, name), { recursive: true, force: true });
    } catch (error) {
      throw fromNodeError(error);
    }
    this.options.records.remove(name);
  }

  /** Mounts for the first user. @throws `error while mounting volume '…': …` */
  use(name: string, user: string): Promise<string> {
    return this.#locks.run(name, () => this.#use(this.get(name), user));
  }

  async #use({ record, users }: Volume, user: string): Promise<string> {
    const directory = this.directory(record.name);
    try {
      if (needsMount(record.options)) await mountLocal(directory, record.options);
    } catch (error) {
      throw wrapError(error, `error while mounting volume '${directory}'`);
    }
    users.add(user);
    return directory;
  }

  /** See `ContainerVolumes.fill`. */
  fill(name: string, user: string, write: (directory: string) => Promise<void>): Promise<boolean> {
    return this.#locks.run(name, async () => {
      const volume = this.get(name);
      const directory = await this.#use(volume, user);
      if ((await readdir(directory)).length > 0) return false;
      const isAlone = volume.users.size === 1;
      if (isAlone) this.#change(volume, { filling: true });
      try {
        await write(directory);
      } catch (error) {
        if (isAlone) await empty(directory);
        throw error;
      } finally {
        this.#change(volume, { filling: undefined });
      }
      return true;
    });
  }

  /** Unmounts after the last user. */
  endUse(name: string, user: string): Promise<void> {
    return this.#locks.run(name, async () => {
      const volume = this.find(name);
      if (volume === undefined || !volume.users.delete(user) || volume.users.size > 0) return;
      if (needsMount(volume.record.options)) await unmountLocal(this.directory(name));
    });
  }

  settle(volume: Volume): void {
    this.#change(volume, { madeFor: undefined });
  }

  /** Sets or takes away marks of a record; writes it if that changes anything. */
  #change(volume: Volume, marks: { readonly [K in Mark]?: VolumeRecord[K] | undefined }): void {
    const { record } = volume;
    const changed = Object.entries(marks).filter(([key, value]) => Reflect.get(record, key) !== value);
    if (changed.length === 0) return;
    const kept = Object.entries({ ...record, ...marks }).filter(([, value]) => value !== undefined);
    volume.record = Object.fromEntries(kept) as unknown as VolumeRecord;
    this.#put(volume);
  }

  emit({ record }: Volume, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const Attributes = { driver: record.driver, ...attributes };
    this.options.events({ Type: "volume", Action: action, Actor: { ID: record.name, Attributes } });
  }

  #put({ record }: Volume): void {
    this.options.records.put({ id: record.name, document: JSON.stringify(record) });
  }

  /** Reads the records, ends what a crash cut off, takes up directories that have data and no record. */
  async open(): Promise<void> {
    for (const { id, document } of this.options.records.list()) {
      const record = parseVolumeRecord(document);
      if (record.going !== true) this.#volumes.set(id, { record, holders: new Set(), users: new Set() });
      else if (isVolumeName(id) && (await listMounts(join(this.options.root, id))).length === 0) {
        await this.#removeGone(id);
      }
    }
    for (const volume of this.#volumes.values()) {
      const { name, filling } = volume.record;
      await this.#makeDirectory(name);
      if (filling !== true) continue;
      await empty(this.directory(name));
      this.#change(volume, { filling: undefined });
    }
    for (const name of await readdir(this.options.root).catch(() => [])) await this.#takeUp(name);
  }

  async #takeUp(name: string): Promise<void> {
    if (this.#volumes.has(name) || !isVolumeName(name)) return;
    for (const path of [this.directory(name), join(this.options.root, name)]) {
      const failure = await rmdir(path).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined || isErrno(failure, "ENOENT")) continue;
      if (!isErrno(failure, "ENOTEMPTY")) return;
      this.options.log("info", `volume ${name}: taken up from its directory`);
      await this.create({ name });
      return;
    }
  }
}

async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory)) await rm(join(directory, name), { recursive: true, force: true });
}

/** As Docker shows maps. */
function sorted(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
}
