import { cgroupMode } from "#host";
import { EngineError, ErrorCode, isNotFound } from "#errors";
import type { ContainerIndex } from "../containerIndex.ts";
import type { Fields } from "./fields.ts";

/** Which namespaces a container shares with whom: `""`, `host`, `container:ID` and what each allows beside. */
export interface NamespaceModes {
  readonly PidMode: string;
  readonly IpcMode: string;
  readonly UTSMode: string;
  readonly UsernsMode: string;
  readonly CgroupnsMode: string;
}

const CONTAINER = "container:";

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** What stands behind `container:`; undefined for any other mode. */
export function containerOf(mode: string): string | undefined {
  return mode.startsWith(CONTAINER) ? mode.slice(CONTAINER.length) : undefined;
}

function parseMode(
  fields: Fields,
  name: keyof NamespaceModes,
  what: { readonly known: string; readonly word: string },
): string {
  const mode = fields.text(name);
  if (what.known.split(" ").includes(mode)) return mode;
  throw invalid(`invalid ${what.word}: ${mode}`);
}

function parsePidMode(fields: Fields): string {
  const mode = fields.text("PidMode");
  const name = containerOf(mode);
  if (mode === "" || mode === "host" || (name !== undefined && name !== "")) return mode;
  throw invalid(`invalid PID mode: ${mode}`);
}

function parseIpcMode(fields: Fields): string {
  if (containerOf(fields.text("IpcMode")) !== undefined) return fields.text("IpcMode");
  return parseMode(fields, "IpcMode", { known: " none private shareable host", word: "IPC mode" }) || "private";
}

/** @throws {invalid_argument} in Docker's words */
export function parseNamespaceModes(fields: Fields): NamespaceModes {
  const cgroup = parseMode(fields, "CgroupnsMode", { known: " host private", word: "cgroup namespace mode" });
  return {
    PidMode: parsePidMode(fields),
    IpcMode: parseIpcMode(fields),
    UTSMode: parseMode(fields, "UTSMode", { known: " host", word: "UTS mode" }),
    UsernsMode: fields.text("UsernsMode"),
    CgroupnsMode: cgroup || (cgroupMode() === "unified" ? "private" : "host"),
  };
}

/** `container:name` → `container:ID`, so that a rename changes nothing. @throws {invalid_argument} for an unknown one */
function pinMode(mode: string, index: ContainerIndex): string {
  const reference = containerOf(mode);
  if (reference === undefined) return mode;
  try {
    return `${CONTAINER}${index.get(reference).id}`;
  } catch (error) {
    // Not {not_found}: clients take that for a missing image, and pull it.
    if (isNotFound(error)) throw invalid(`No such container: ${reference}`);
    throw error;
  }
}

/** @throws {invalid_argument} `No such container: x` */
export function pinNamespaceModes<T extends NamespaceModes>(modes: T, index: ContainerIndex): T {
  const IpcMode = modes.IpcMode === CONTAINER ? CONTAINER : pinMode(modes.IpcMode, index);
  return { ...modes, PidMode: pinMode(modes.PidMode, index), IpcMode };
}
