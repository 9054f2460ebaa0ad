import { isAtLeast, kernelRelease } from "#host";
import type { OciMount } from "../spec/ociSpec.ts";
import { invalidMount } from "./mountError.ts";
import type { MountPoint } from "./mountPoint.ts";
import { mergeTmpfsOptions } from "./tmpfsOptions.ts";

/** mount_setattr(2) came with Linux 5.12: before, only the topmost mount of a bind can be made read-only. */
const RECURSIVE_READ_ONLY = { major: 5, minor: 12 } as const;

function readOnly(point: MountPoint): readonly string[] {
  if (point.writable) return [];
  if (point.readOnly === "flat") return ["ro"];
  if (isAtLeast(kernelRelease(), RECURSIVE_READ_ONLY)) return ["rro"];
  if (point.readOnly !== "force") return ["ro"];
  throw invalidMount("rro is not supported: kernel version is older than 5.12");
}

/** A mount of something that lies at `source` on the host. */
export function bindForRuntime(point: MountPoint, source: string, propagation: string): OciMount {
  return {
    destination: absolute(point.destination),
    type: "bind",
    source,
    options: [
      point.nonRecursive === true ? "bind" : "rbind",
      ...readOnly(point),
      ...(propagation === "" ? [] : [propagation]),
    ],
  };
}

/** `options` comma separated. @throws {invalid_argument} `invalid tmpfs option "x"` */
export function tmpfsForRuntime(destination: string, options: string): OciMount {
  return { destination: absolute(destination), type: "tmpfs", source: "tmpfs", options: mergeTmpfsOptions(options) };
}

/** Images declare relative volumes, too. */
function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
