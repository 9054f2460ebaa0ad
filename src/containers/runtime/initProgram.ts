import { findProgram } from "#host";
import { EngineError, ErrorCode } from "#errors";

/** Programs that reap zombies as process 1, the preferred one first. */
export const INIT_PROGRAMS = ["docker-init", "catatonit", "tini-static", "tini"] as const;

/** The program that `--init` puts in front of the command. @throws {failed_precondition} MISSING_PROGRAM */
export function findInitProgram(): string {
  const found = INIT_PROGRAMS.map(findProgram).find((path) => path !== undefined);
  if (found !== undefined) return found;
  const message = "no program for --init is installed: install the Debian package catatonit";
  throw new EngineError("failed_precondition", ErrorCode.MISSING_PROGRAM, message);
}
