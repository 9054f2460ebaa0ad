import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { posix } from "node:path";
import type { EventSink } from "#engineapi";
import { EngineError, ErrorCode, isNotFound, messageOf } from "#errors";
import { fromNodeError, isErrno, syncFilesystem } from "#host";
import type { ImageCatalog } from "#images";
import type { LayerReads } from "#layers";
import type { LeaseRecords } from "#metadata";
import type { DiffId } from "#oci";
import type { BorrowedTop, Snapshotter } from "#snapshots";
import type { ContainerVolumes } from "#volumes";
import type { ContainerDocument } from "../document.ts";
import type { OciMount } from "../spec/ociSpec.ts";
import { copyUp } from "./copyUp.ts";
import { ImageMounts } from "./imageMounts.ts";
import { invalidMount } from "./mountError.ts";
import type { MountPoint } from "./mountPoint.ts";
import { refuseNullBytes } from "./checkMount.ts";
import { permissionsInRoot } from "../rootfs/rootfsFiles.ts";
import { bindForRuntime, tmpfsForRuntime } from "./ociMounts.ts";
import { Pins } from "./pins.ts";
import { planMounts } from "./planMounts.ts";
import type { PlannedMount } from "./planMounts.ts";
import { checkProcSafety } from "./procSafety.ts";
import { resolvePropagation } from "./propagation.ts";
import type { RootPropagation } from "./propagation.ts";

/** What mounts need of the daemon. */
export interface MountContext {
  readonly volumes: ContainerVolumes;
  readonly layers: LayerReads;
  readonly images: ImageCatalog;
  readonly snapshots: Snapshotter;
  readonly leases: LeaseRecords;
  readonly dataRoot: string;
  /** `<exec root>/mounts` */
  readonly pins: string;
  readonly events: EventSink;
  log(level: "info" | "warn" | "error", line: string): void;
}

/** A container's mounts at its start. */
export interface OpenMounts {
  /** In no order of the kernel's yet. */
  readonly mounts: readonly OciMount[];
  readonly rootPropagation?: RootPropagation;
}

/** Where the volumes of mount points lie, by their numbers; disposing gives them back. */
export interface LookedAt extends AsyncDisposable {
  readonly places: ReadonlyMap<number, string>;
}

/** Volumes, binds, tmpfs and images that containers see besides their roots, from their creation to their removal. */
export class ContainerMounts {
  readonly #context: MountContext;
  readonly #pins: Pins;
  readonly #images: ImageMounts;

  constructor(context: MountContext) {
    this.#context = context;
    this.#pins = new Pins(context.pins);
    this.#images = new ImageMounts(context);
  }

  /**
   * Makes what a new container's mounts stand on and holds it; `settle` or `discard` must follow.
   * @throws {invalid_argument} {not_found} in Docker's words; nothing is held then
   */
  async register(
    { id, hostConfig, config }: ContainerDocument,
    mountsOf: (reference: string) => readonly MountPoint[],
  ): Promise<readonly MountPoint[]> {
    const declared = Object.keys(config.Volumes ?? {});
    const plans = await planMounts({ hostConfig, declared, dataRoot: this.#context.dataRoot, mountsOf });
    try {
      const points: MountPoint[] = [];
      for (const [number, plan] of plans.entries()) {
        points.push(await this.#make(id, number, { plan, driver: hostConfig.VolumeDriver }));
      }
      return points;
    } catch (error) {
      await this.discard(id);
      throw error;
    }
  }

  async #make(
    id: string,
    number: number,
    { plan: { point, volume }, driver }: { readonly plan: PlannedMount; readonly driver: string },
  ): Promise<MountPoint> {
    if (point.type === "image") return this.#images.make(id, number, point);
    if (point.type !== "volume") return point;
    const asked = volume?.DriverConfig?.Name ?? (point.declared === true ? driver : "");
    const held = await this.#context.volumes.acquire(id, {
      name: point.name ?? "",
      driver: asked,
      options: volume?.DriverConfig?.Options ?? null,
      labels: volume?.Labels ?? null,
    });
    return { ...point, name: held.name, driver: held.driver, source: held.mountpoint };
  }

  /** Gives empty volumes what the image has where they are mounted. @throws {invalid_argument} where it has no directory */
  async populate({ id, mountPoints, hostConfig }: ContainerDocument, diffIds: readonly DiffId[]): Promise<void> {
    const wanted = mountPoints.filter(({ type, copy }) => type === "volume" && copy === true);
    if (wanted.length === 0) return;
    await using view = await this.#context.layers.openView(diffIds);
    let copied = false;
    for (const { destination, name = "", declared, anonymous } of wanted) {
      const entry = view.lookup(Buffer.from(destination, "utf8").toString("latin1"));
      if (entry === undefined && !OUR_FILES.includes(destination)) continue;
      if (entry?.stat.type !== "directory") throw await this.#noDirectory(id, destination, declared === true);
      const filled = await this.#context.volumes.fill(id, name, (target) => copyUp(view, entry, target));
      copied ||= filled && !(hostConfig.AutoRemove && anonymous === true);
    }
    await this.#context.volumes.endUse(id);
    // A volume that holds half of the image would never be filled again.
    if (copied) await syncFilesystem(this.#context.dataRoot);
  }

  async #noDirectory(id: string, destination: string, declared: boolean): Promise<EngineError> {
    const { MergedDir } = await this.#context.snapshots.graphDriverData(id);
    const path = posix.join(MergedDir, destination);
    return declared
      ? invalidMount(`cannot mount volume over existing file, file exists ${path}`)
      : new EngineError("internal", ErrorCode.BAD_REQUEST, `source ${path} is not directory`);
  }

  /** The container is recorded. */
  settle(id: string): void {
    this.#context.volumes.settle(id);
  }

  /** The container came to nothing. */
  async discard(id: string): Promise<void> {
    await this.#context.volumes.discard(id);
    await this.#images.remove(id);
  }

  /**
   * Makes everything ready that the runtime will mount in the container's root. What is left half done is `close`'s.
   * @throws in Docker's words
   */
  async open({ id, mountPoints, hostConfig }: ContainerDocument, rootfs: string): Promise<OpenMounts> {
    const tmpfs = (path: string, options: string): OciMount =>
      tmpfsForRuntime(path, options, permissionsInRoot(rootfs, path));
    const mounts: OciMount[] = [];
    const roots: (RootPropagation | undefined)[] = [];
    for (const [number, point] of mountPoints.entries()) {
      // `--tmpfs` wins over what a mount says about the same place.
      if (Object.hasOwn(hostConfig.Tmpfs, point.destination)) continue;
      if (point.type === "tmpfs") {
        mounts.push(tmpfs(point.destination, point.options ?? ""));
        continue;
      }
      const source = await this.#source(id, number, point);
      const { propagation, root } = await resolvePropagation(point);
      roots.push(root);
      mounts.push(await bindForRuntime(point, source, propagation));
      if (point.type === "volume") this.#tellMount(id, point);
    }
    const temporary = Object.entries(hostConfig.Tmpfs).map(([path, options]) => tmpfs(path, options));
    const all = [...mounts, ...temporary];
    refuseNullBytes(all);
    await checkProcSafety(rootfs, all);
    const rootPropagation = roots.includes("shared") ? "shared" : roots.find((root) => root !== undefined);
    return { mounts: all, ...(rootPropagation === undefined ? {} : { rootPropagation }) };
  }

  async #source(id: string, number: number, point: MountPoint): Promise<string> {
    if (point.type === "bind") {
      if (point.createSource === true) await makeSource(point.source);
      return point.source;
    }
    const base =
      point.type === "image" ? await this.#images.mount(point) : await this.#context.volumes.use(id, point.name ?? "");
    const { subpath } = point;
    return subpath === undefined ? base : this.#pins.pin(id, number, { base, subpath });
  }

  /**
   * Makes ready what files of a container that does not run lie in: volumes that have options and images are mounted, places
   * within them are held against symlinks that lead elsewhere. @throws in Docker's words
   */
  async look({ mountPoints }: Pick<ContainerDocument, "mountPoints">): Promise<LookedAt> {
    // A use of its own: the container may start meanwhile, and end.
    const use = `look-${randomUUID()}`;
    const places = new Map<number, string>();
    const images: BorrowedTop[] = [];
    const release = async (): Promise<void> => {
      await this.#pins.release(use);
      for (const image of images.splice(0)) await image[Symbol.asyncDispose]();
      await this.#context.volumes.endUse(use);
    };
    const baseOf = async (point: MountPoint): Promise<string> => {
      if (point.type === "volume") return this.#context.volumes.use(use, point.name ?? "");
      const image = await this.#images.borrow(point);
      images.push(image);
      return image.path;
    };
    try {
      for (const [number, point] of mountPoints.entries()) {
        const { type, subpath } = point;
        if (type !== "volume" && type !== "image") continue;
        const base = await baseOf(point);
        places.set(number, subpath === undefined ? base : await this.#pins.pin(use, number, { base, subpath }));
      }
    } catch (error) {
      await release();
      throw error;
    }
    return { places, [Symbol.asyncDispose]: release };
  }

  #tellMount(id: string, { name = "", driver = "", destination, writable, propagation }: MountPoint): void {
    this.#emit(name, "mount", {
      container: id,
      destination,
      driver,
      propagation,
      "read/write": String(writable),
    });
  }

  /** Says that a run's volumes are let go: before its exit is told, as Docker does. */
  tellUnmounts({ id, mountPoints }: ContainerDocument): void {
    for (const { type, name = "", driver = "" } of mountPoints) {
      if (type === "volume") this.#emit(name, "unmount", { container: id, driver });
    }
  }

  #emit(name: string, Action: string, Attributes: Readonly<Record<string, string>>): void {
    this.#context.events({ Type: "volume", Action, Actor: { ID: name, Attributes } });
  }

  /** Takes away what `open` made. Idempotent, never throws: what fails is logged. */
  async close({ id, mountPoints }: ContainerDocument): Promise<void> {
    if (mountPoints.length === 0) return;
    try {
      await this.#pins.release(id);
      await this.#images.unmount(mountPoints);
      await this.#context.volumes.endUse(id);
    } catch (error) {
      this.#context.log("warn", `container ${id}: mounts: ${messageOf(error)}`);
    }
  }

  /** Gives free what a container that goes away holds; `volumes`: its anonymous volumes go with it. */
  async remove({ id, mountPoints }: ContainerDocument, volumes: boolean): Promise<void> {
    if (mountPoints.length === 0) return;
    const anonymous = mountPoints.filter((point) => volumes && point.type === "volume" && point.anonymous === true);
    await this.#context.volumes.release(
      id,
      anonymous.map(({ name = "" }) => name),
    );
    await this.#images.remove(id);
  }

  /** At the daemon's start: takes up what containers hold, sweeps what nobody does. */
  async reconcile(documents: readonly ContainerDocument[]): Promise<void> {
    const running = documents.filter(({ state }) => state.monitor !== undefined).map(({ id }) => id);
    const holders = documents.map(({ id, mountPoints }) => [id, volumeNames(mountPoints)] as const);
    await this.#pins.sweep(new Set(running));
    await this.#context.volumes.reconcile(new Map(holders), new Set(running));
    await this.#images.sweep(new Set(documents.map(({ id }) => id)));
  }
}

function volumeNames(points: readonly MountPoint[]): readonly string[] {
  return points.filter(({ type }) => type === "volume").map(({ name = "" }) => name);
}

/** Files that every root gets, or gets a mount on: no directory in Docker's roots. */
const OUR_FILES = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/.dockerenv", "/dev/console"];

/** A missing source of `-v` becomes a directory, root's and 0755. */
async function makeSource(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    // A file, or something below one: the runtime says what is wrong with it.
    if (isErrno(error, "EEXIST") || isErrno(error, "ENOTDIR")) return;
    const failure = fromNodeError(error);
    const why = messageOf(failure).replace(/^[^:]*: /, "");
    throw new EngineError(
      isNotFound(failure) ? "invalid_argument" : "internal",
      ErrorCode.SYSCALL,
      `error while creating mount source path '${path}': mkdir ${path}: ${why}`,
      { cause: error },
    );
  }
}
