import { EngineError, ErrorCode } from "#errors";

const REFUSED = "OCI runtime exec failed: exec failed: ";
const NOT_STARTED = `${REFUSED}unable to start container process: `;
/** What containerd's shim adds to this one. */
const WRONG_KIND =
  ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

/** What the runtime was to start. */
export interface RefusedProgram {
  readonly program: string;
  readonly workingDir: string;
  /** Whether it is a directory in the container's root: runtimes do not always say. */
  readonly isDirectory: () => boolean;
}

export const noSuchExec = (id: string): EngineError =>
  new EngineError("not_found", ErrorCode.EXEC_NOT_FOUND, `No such exec instance: ${id}`);

function wordsFor(said: string, refused: RefusedProgram): string {
  const { program, workingDir, isDirectory } = refused;
  const quoted = JSON.stringify(program);
  const lower = said.toLowerCase();
  if (lower.includes("chdir")) {
    const kind = lower.includes("not a directory");
    const why = kind ? "not a directory" : (/(?:: )([^:]+)$/.exec(lower)?.[1] ?? lower);
    return `chdir to cwd (${JSON.stringify(workingDir)}) set in config.json failed: ${why}: unknown${kind ? WRONG_KIND : ""}`;
  }
  if (program === "") return `exec: "": executable file not found in $PATH: unknown`;
  if (lower.includes("executable file") && lower.includes("not found")) {
    const why = program.includes("/")
      ? `stat ${program}: no such file or directory`
      : "executable file not found in $PATH";
    return `exec: ${quoted}: ${why}: unknown`;
  }
  const denied = /permission denied|operation not permitted|not a regular file/.test(lower);
  if (lower.includes("is a directory") || (denied && isDirectory())) {
    return `exec: ${quoted}: is a directory: unknown: permission denied`;
  }
  if (denied) return `exec: ${quoted}: permission denied: unknown`;
  if (lower.includes("exec format error")) return `exec ${program}: exec format error: unknown`;
  return `${said}: unknown`;
}

/** Docker's words for a program that the runtime refused; `said` are crun's or runc's own. */
export function execFailure(said: string, refused: RefusedProgram): EngineError {
  const raw = said.replace(/^exec failed: (?:unable to start container process: )?/, "");
  return new EngineError("invalid_argument", ErrorCode.RUNTIME_FAILED, NOT_STARTED + wordsFor(raw, refused), {
    details: { said },
  });
}

/** A path that the runtime would take as relative to something of its own. */
export const relativeDirectory = (): EngineError =>
  new EngineError("invalid_argument", ErrorCode.RUNTIME_FAILED, `${REFUSED}Cwd must be an absolute path: unknown`);
