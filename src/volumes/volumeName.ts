import { randomBytes } from "node:crypto";
import { invalidVolume } from "./volumeError.ts";

const NAME_BYTES = 32;
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** A directory's name takes no more. */
const MAX_NAME_BYTES = 255;
const ALLOWED = '"[a-zA-Z0-9][a-zA-Z0-9_.-]"';

/** A name for an anonymous volume. */
export function anonymousName(): string {
  return randomBytes(NAME_BYTES).toString("hex");
}

/** A name that is safe as one part of a path. */
export function isVolumeName(name: string): boolean {
  return NAME.test(name) && name.length <= MAX_NAME_BYTES;
}

/** @throws {invalid_argument} INVALID_VOLUME in Docker's words */
export function checkVolumeName(name: string): void {
  if (isVolumeName(name)) return;
  if (name.length === 1) {
    throw invalidVolume(name, "volume name is too short, names should be at least two alphanumeric characters");
  }
  if (name.length > MAX_NAME_BYTES && NAME.test(name)) {
    throw invalidVolume(name, `volume name is too long, names should be at most ${MAX_NAME_BYTES} characters`);
  }
  const advice = "If you intended to pass a host directory, use absolute path";
  const why = `${JSON.stringify(name)} includes invalid characters for a local volume name, only ${ALLOWED} are allowed`;
  throw invalidVolume(name, `${why}. ${advice}`);
}
