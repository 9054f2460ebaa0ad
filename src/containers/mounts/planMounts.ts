import { stat } from "node:fs/promises";
import { posix } from "node:path";
import { isErrno } from "#host";
import type { HostConfig } from "../request/hostConfig.ts";
import { checkMount } from "./checkMount.ts";
import type { CheckedMount } from "./checkMount.ts";
import { duplicateMount, invalidMount, missingSource } from "./mountError.ts";
import { DEFAULT_PROPAGATION, parseVolumesFrom } from "./mountMode.ts";
import type { MountPoint } from "./mountPoint.ts";
import type { MountRequest } from "../request/mountRequest.ts";
import { parseBind } from "./parseBind.ts";
import { tmpfsText } from "./tmpfsOptions.ts";

type BindOptions = NonNullable<MountRequest["BindOptions"]>;
type VolumeOptions = NonNullable<MountRequest["VolumeOptions"]>;

/** What a container's mounts are made of. */
export interface MountWishes {
  readonly hostConfig: Pick<HostConfig, "Binds" | "Mounts" | "VolumesFrom" | "VolumeDriver" | "Tmpfs">;
  /** Destinations of the image's and the request's `Volumes`. */
  readonly declared: readonly string[];
  /** Mounts into and above it get their unmounts from the host, or they would hold what the engine lets go. */
  readonly dataRoot: string;
  /** Mounts of another container. @throws {invalid_argument} `No such container: x` */
  mountsOf(reference: string): readonly MountPoint[];
}

/** A mount to be, and what a volume for it shall be made with. */
export interface PlannedMount {
  readonly point: MountPoint;
  readonly volume?: Pick<VolumeOptions, "Labels" | "DriverConfig">;
}

/** Without a slash at its end, without `.` and `..`. */
function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);
}

/** How mounts spread, when the user does not say. @throws {invalid_argument} for what would hold the engine's own mounts */
function propagationOf(source: string, asked: string | undefined, dataRoot: string): string {
  if (!isWithin(source, dataRoot) && !isWithin(dataRoot, source)) return asked ?? DEFAULT_PROPAGATION;
  if (asked === undefined) return "rslave";
  if (asked === "rslave" || asked === "rshared") return asked;
  const where = `daemon root: ${JSON.stringify(dataRoot)}, bind mount source: ${JSON.stringify(source)}`;
  throw invalidMount(
    `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, ${where}, propagation: ${JSON.stringify(asked)}`,
  );
}

function recursion(options: BindOptions): Pick<MountPoint, "nonRecursive" | "readOnly"> {
  const flat = options.ReadOnlyNonRecursive === true;
  const force = options.ReadOnlyForceRecursive === true;
  if (flat && force) {
    throw invalidMount("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive");
  }
  return {
    ...(options.NonRecursive === true ? { nonRecursive: true } : {}),
    ...(flat ? { readOnly: "flat" } : {}),
    ...(force ? { readOnly: "force" } : {}),
  };
}

type Common = Pick<MountPoint, "destination" | "mode" | "writable">;

function bindPoint(common: Common, mount: CheckedMount, dataRoot: string): MountPoint {
  const source = clean(mount.Source ?? "");
  const options = mount.BindOptions ?? {};
  const asked = options.Propagation;
  return {
    type: "bind",
    ...common,
    source,
    propagation: propagationOf(source, asked, dataRoot),
    ...(asked === undefined ? {} : { ownPropagation: true }),
    ...(options.CreateMountpoint === true ? { createSource: true } : {}),
    ...recursion(options),
  };
}

function volumePoint(common: Common, { Source = "", VolumeOptions: options = {} }: CheckedMount): MountPoint {
  return {
    type: "volume",
    ...common,
    // SELinux labels are not ours, but clients see Docker's default.
    mode: common.mode === "" ? "z" : common.mode,
    source: "",
    propagation: "",
    ...(Source === "" ? { anonymous: true } : { name: Source }),
    ...(options.NoCopy === true ? {} : { copy: true }),
    ...(options.Subpath === undefined ? {} : { subpath: options.Subpath }),
  };
}

/** A checked request as a mount of a container, its sources not made yet. */
function toPlan(mount: CheckedMount, mode: string, dataRoot: string): PlannedMount {
  const common = { destination: clean(mount.Target), mode, writable: mount.ReadOnly !== true };
  switch (mount.Type) {
    case "bind":
      return { point: bindPoint(common, mount, dataRoot) };
    case "volume":
      return {
        point: volumePoint(common, mount),
        ...(mount.VolumeOptions === undefined ? {} : { volume: mount.VolumeOptions }),
      };
    case "tmpfs": {
      const options = tmpfsText(mount.TmpfsOptions ?? {}, mount.ReadOnly === true);
      return { point: { type: "tmpfs", ...common, source: "", propagation: "", options } };
    }
    case "image": {
      const subpath = mount.ImageOptions?.Subpath;
      return {
        point: {
          type: "image",
          ...common,
          writable: false,
          source: "",
          name: mount.Source ?? "",
          propagation: "",
          ...(subpath === undefined ? {} : { subpath }),
        },
      };
    }
  }
}

/** Another container's mount as one of this container. */
function inherited(point: MountPoint, writable: boolean): MountPoint {
  const { copy: _copy, declared: _declared, snapshot: _snapshot, ...kept } = point;
  return { ...kept, mode: "", writable: point.writable && writable };
}

function declaredPoint(destination: string): MountPoint {
  return {
    type: "volume",
    destination,
    source: "",
    mode: "",
    writable: true,
    propagation: "",
    anonymous: true,
    copy: true,
    declared: true,
  };
}

class Plan {
  readonly mounts = new Map<string, PlannedMount>();
  /** Destinations of binds and mounts: nothing of those may come twice. */
  readonly #taken = new Set<string>();

  put(plan: PlannedMount): void {
    this.mounts.set(plan.point.destination, plan);
  }

  /** @throws {invalid_argument} `Duplicate mount point: /x`; `shown` is how the request spelt it. */
  take(plan: PlannedMount, shown = plan.point.destination): void {
    const { destination } = plan.point;
    if (this.#taken.has(destination)) throw duplicateMount(shown);
    this.#taken.add(destination);
    this.put(plan);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}

/**
 * Every mount that a container shall have beside a fixed set and `Tmpfs`: of other containers, then binds, mounts, and
 * volumes that image and request declare; each replaces what came before at its destination. Nothing is made.
 * @throws {invalid_argument} in Docker's words
 */
export async function planMounts(wishes: MountWishes): Promise<readonly PlannedMount[]> {
  const { hostConfig, declared, dataRoot } = wishes;
  const plan = new Plan();
  for (const text of hostConfig.VolumesFrom ?? []) {
    const { container, writable } = parseVolumesFrom(text);
    for (const point of wishes.mountsOf(container)) plan.put({ point: inherited(point, writable) });
  }
  for (const text of hostConfig.Binds ?? []) {
    const { mount, mode } = parseBind(text, hostConfig.VolumeDriver);
    const planned = toPlan(mount, mode, dataRoot);
    if (Object.hasOwn(hostConfig.Tmpfs, planned.point.destination)) throw duplicateMount(planned.point.destination);
    const { point } = planned;
    plan.take(point.type === "bind" ? { point: { ...point, createSource: true } } : planned);
  }
  for (const request of hostConfig.Mounts) {
    const mount = checkMount(request);
    const planned = toPlan(mount, "", dataRoot);
    const { type, source, createSource } = planned.point;
    if (type === "bind" && createSource !== true && !(await exists(source))) throw missingSource(mount.Source ?? "");
    plan.take(planned, mount.Target);
  }
  for (const path of declared) {
    const destination = clean(path);
    const taken = plan.mounts.has(destination) || Object.hasOwn(hostConfig.Tmpfs, destination);
    if (!taken) plan.put({ point: declaredPoint(destination) });
  }
  return [...plan.mounts.values()];
}
