import { isAbsolute, posix } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { RUNC_PREFIX } from "../runtime/runtimeError.ts";
import type { OciMount } from "../spec/ociSpec.ts";
import { invalidConfig, invalidMount } from "./mountError.ts";
import { PROPAGATION } from "./mountMode.ts";
import type { MountRequest } from "../request/mountRequest.ts";
import type { MountType } from "./mountPoint.ts";
import { mergeTmpfsOptions, tmpfsText } from "./tmpfsOptions.ts";

/** A mount request of a type that we know. */
export interface CheckedMount extends MountRequest {
  readonly Type: MountType;
}

/** Which options belong to which type. */
const OPTIONS: readonly (readonly [field: keyof MountRequest, type: MountType])[] = [
  ["BindOptions", "bind"],
  ["VolumeOptions", "volume"],
  ["TmpfsOptions", "tmpfs"],
  ["ImageOptions", "image"],
];

/** Options of another type than the mount's, refused before anything else, as Docker's API does. @throws {invalid_argument} */
export function refuseForeignOptions(mount: MountRequest): void {
  const foreign = OPTIONS.find(([field, type]) => mount[field] !== undefined && mount.Type !== type);
  if (foreign === undefined || !OPTIONS.some(([, type]) => type === mount.Type)) return;
  throw invalidMount(`${foreign[0]} must not be specified on mount type ${JSON.stringify(mount.Type)}`);
}

/** @throws {invalid_argument} when the path is not absolute, or the root */
export function checkDestination(path: string): void {
  if (posix.normalize(path) === "/") throw invalidMount("invalid specification: destination can't be '/'");
  checkAbsolute(path);
}

function checkAbsolute(path: string): void {
  if (!isAbsolute(path)) throw invalidMount(`invalid mount path: '${path}' mount path must be absolute`);
}

/** As Go's filepath.IsLocal: relative, and within where it starts. */
export function isLocal(path: string): boolean {
  if (path === "" || isAbsolute(path)) return false;
  const clean = posix.normalize(path);
  return clean !== ".." && !clean.startsWith("../");
}

function refuseField(mount: MountRequest, field: keyof MountRequest): void {
  if (mount[field] !== undefined) throw invalidMount(`field ${field} must not be specified`);
}

function checkSource({ Source = "" }: MountRequest): void {
  if (Source === "") throw invalidMount("field Source must not be empty");
}

/** @throws {invalid_argument} what is wrong, without saying where */
const CHECKS: Readonly<Record<MountType, (mount: MountRequest) => void>> = {
  bind: (mount) => {
    checkSource(mount);
    const propagation = mount.BindOptions?.Propagation;
    if (propagation !== undefined && !PROPAGATION.includes(propagation)) {
      throw invalidMount(`invalid propagation mode: ${propagation}`);
    }
    refuseField(mount, "VolumeOptions");
    checkAbsolute(mount.Source ?? "");
  },
  volume: (mount) => {
    refuseField(mount, "BindOptions");
    const anonymous = (mount.Source ?? "") === "";
    const subpath = mount.VolumeOptions?.Subpath;
    if (subpath !== undefined && anonymous) throw invalidMount("must not set Subpath when using anonymous volumes");
    if (subpath !== undefined && !isLocal(subpath)) {
      throw invalidMount("subpath must be a relative path within the volume");
    }
    if (mount.ReadOnly === true && anonymous) {
      throw invalidMount("must not set ReadOnly mode when using anonymous volumes");
    }
  },
  tmpfs: (mount) => {
    refuseField(mount, "BindOptions");
    refuseField(mount, "Source");
    mergeTmpfsOptions(tmpfsText(mount.TmpfsOptions ?? {}, mount.ReadOnly === true));
  },
  image: (mount) => {
    checkSource(mount);
    const subpath = mount.ImageOptions?.Subpath;
    if (subpath !== undefined && !isLocal(subpath)) {
      throw invalidMount("subpath must be a relative path within the volume");
    }
  },
};

function isKnown(type: string): type is MountType {
  return Object.hasOwn(CHECKS, type);
}

function checkOne(mount: MountRequest): asserts mount is CheckedMount {
  const { Type, Target } = mount;
  if (Target === "") throw invalidMount("field Target must not be empty");
  checkDestination(Target);
  if (!isKnown(Type)) throw invalidMount("mount type unknown");
  CHECKS[Type](mount);
}

/** A mount request that makes sense. @throws {invalid_argument} `invalid mount config for type "bind": …` */
export function checkMount(mount: MountRequest): CheckedMount {
  try {
    checkOne(mount);
  } catch (error) {
    throw invalidConfig(mount.Type, error instanceof Error ? error.message : String(error));
  }
  return mount;
}

/** What the kernel would cut: a place of another name than the one that was asked for. @throws in runc's words, at start */
export function refuseNullBytes(mounts: readonly OciMount[]): void {
  const bad = mounts.find(({ destination, source, options }) =>
    [destination, source, ...options].join("").includes("\0"),
  );
  if (bad === undefined) return;
  const { destination, type, source, options } = bad;
  const shown = `{Destination:${destination} Type:${type} Source:${source} Options:[${options.join(" ")}] UIDMappings:[] GIDMappings:[]}`;
  const message = `${RUNC_PREFIX}invalid mount ${shown}: mount field contains null byte: unknown`;
  throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, message);
}
