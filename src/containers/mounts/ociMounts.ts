import { stat } from "node:fs/promises";
import { isAtLeast, kernelRelease } from "#host";
import type { OciMount } from "../spec/ociSpec.ts";
import { invalidMount } from "./mountError.ts";
import type { MountPoint } from "./mountPoint.ts";
import { mergeTmpfsOptions } from "./tmpfsOptions.ts";

/** mount_setattr(2) came with Linux 5.12: before, only the topmost mount of a bind can be made read-only. */
const RECURSIVE_READ_ONLY = { major: 5, minor: 12 } as const;

/** crun 1.8 opens the target of `rro` as a directory; nothing is mounted below anything else anyway. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return true; // the runtime says what is wrong with it
  }
}

async function readOnly(point: MountPoint, source: string): Promise<readonly string[]> {
  if (point.writable) return [];
  if (point.readOnly === "flat" || point.nonRecursive === true || !(await isDirectory(source))) return ["ro"];
  if (isAtLeast(kernelRelease(), RECURSIVE_READ_ONLY)) return ["rro"];
  if (point.readOnly !== "force") return ["ro"];
  throw invalidMount("rro is not supported: kernel version is older than 5.12");
}

/** A mount of something that lies at `source` on the host. */
export async function bindForRuntime(point: MountPoint, source: string, propagation: string): Promise<OciMount> {
  const flat = point.nonRecursive === true;
  // crun takes the "recursive" of either word for both.
  const spread = flat ? propagation.replace(/^r/, "") : propagation;
  return {
    destination: absolute(point.destination),
    type: "bind",
    source,
    options: [flat ? "bind" : "rbind", ...(await readOnly(point, source)), ...(spread === "" ? [] : [spread])],
  };
}

/**
 * `options` comma separated. `permissions`: of what it hides, which a tmpfs has unless its options say otherwise.
 * @throws {internal} `invalid tmpfs option "x"`
 */
export function tmpfsForRuntime(destination: string, options: string, permissions?: number): OciMount {
  const inherited = permissions === undefined ? [] : [`mode=${permissions.toString(8).padStart(4, "0")}`];
  return {
    destination: absolute(destination),
    type: "tmpfs",
    source: "tmpfs",
    options: [...inherited, ...mergeTmpfsOptions(options)],
  };
}

/** Images declare relative volumes, too. */
function absolute(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}
