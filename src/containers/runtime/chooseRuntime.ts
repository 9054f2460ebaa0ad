import { cgroupMode, findProgram, mountLeftoverControllers, sealedCopy } from "#host";
import { EngineError, ErrorCode, messageOf } from "#errors";

/** The programs that run containers. */
export interface Runtime {
  readonly name: "crun" | "runc";
  readonly file: string;
  readonly conmon: string;
  /** Takes a compiled seccomp filter by annotation; the others compile the profile at every start. */
  readonly takesFilter: boolean;
}

function missing(program: string, debianPackage: string): EngineError {
  const message = `${program} is not installed: install the Debian package ${debianPackage}`;
  return new EngineError("failed_precondition", ErrorCode.MISSING_PROGRAM, message);
}

/** crun refuses hybrid hosts whose v2 tree has controllers (ADR 0009). */
async function readyForCrun(log: (line: string) => void): Promise<boolean> {
  if (cgroupMode() !== "hybrid") return true;
  try {
    const names = await mountLeftoverControllers();
    if (names.length > 0) log(`mounted the cgroup controllers that this host left out: ${names.join(", ")}`);
    return true;
  } catch (error) {
    log(`cannot mount the cgroup controllers that this host left out: ${messageOf(error)}`);
    return false;
  }
}

/** What `--runtime` may say; dockerd's own name stands for the default. */
export const RUNTIME_NAMES: readonly string[] = ["crun", "runc", "io.containerd.runc.v2"];

/**
 * The runtime of a name, or for any other text crun where it can run, else runc.
 * @throws {failed_precondition} MISSING_PROGRAM naming the Debian package
 */
export async function chooseRuntime(wanted: string, log: (line: string) => void): Promise<Runtime> {
  const conmon = findProgram("conmon");
  if (conmon === undefined) throw missing("conmon", "conmon");
  const crun = wanted === "runc" ? undefined : findProgram("crun");
  const runc = wanted === "crun" ? undefined : findProgram("runc");
  if (crun !== undefined && ((await readyForCrun(log)) || runc === undefined)) {
    return { name: "crun", file: sealedCopy(crun), conmon, takesFilter: true };
  }
  if (runc !== undefined) return { name: "runc", file: runc, conmon, takesFilter: false };
  throw wanted === "runc" ? missing("runc", "runc") : missing("crun", "crun");
}
