import { readFileSync } from "node:fs";
import { fileProblem } from "./fileProblem.ts";

const SPACE = /[ \t]/;

const nameOf = (text: string): string => text.split("=", 1)[0] ?? "";

/** `-e NAME=value`, or `-e NAME` with our own value; a name that we have no value for goes as it is and unsets one. */
export function checkVariable(text: string): string {
  const name = nameOf(text);
  if (name === "") throw new Error(`invalid environment variable: ${text}`);
  const own = process.env[name];
  return text.includes("=") || own === undefined ? text : `${name}=${own}`;
}

export function checkLabel(text: string): string {
  const name = nameOf(text).replace(/^[ \t]+/, "");
  if (name === "") throw new Error(`invalid label '${text}': empty name`);
  if (SPACE.test(name)) throw new Error(`label '${name}' contains whitespaces`);
  return text;
}

const KERNEL_SYSCTLS = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map(
    (name) => `kernel.${name}`,
  ),
);

/** Only what belongs to a namespace may be set for a container. */
export function checkSysctl(text: string): string {
  const name = nameOf(text);
  const known = KERNEL_SYSCTLS.has(name) || name.startsWith("net.") || name.startsWith("fs.mqueue.");
  if (!text.includes("=") || !known) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

/** `["a=1", "b"]` → `{ a: "1", b: "" }`; the last of a name holds. */
export function toMap(list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf("=");
      return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

function fileLine(line: string, lookup: (name: string) => string | undefined): readonly string[] {
  const name = nameOf(line);
  if (name === "") throw new Error(`no variable name on line '${line}'`);
  if (SPACE.test(name)) throw new Error(`variable '${name}' contains whitespaces`);
  if (line.includes("=")) return [line];
  const value = lookup(line);
  return value === undefined ? [] : [`${name}=${value}`];
}

/**
 * Reads `NAME=value` lines of an env or label file; comments and empty lines are skipped, a bare name takes what `lookup`
 * answers, or is left out. @throws {Error} in Docker's words.
 */
export function readKeyValueFile(path: string, lookup: (name: string) => string | undefined): readonly string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const isFolder = error instanceof Error && "code" in error && error.code === "EISDIR";
    const text = fileProblem(error, isFolder ? "read" : "open", path);
    throw new Error(isFolder ? `invalid env file (${path}): ${text}` : text, { cause: error });
  }
  try {
    return textLines(bytes).flatMap((line) => {
      const text = line.trimStart();
      return text === "" || text.startsWith("#") ? [] : fileLine(text, lookup);
    });
  } catch (error) {
    throw new Error(`invalid env file (${path}): ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function textLines(bytes: Uint8Array): readonly string[] {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).split(/\r?\n/);
  } catch {
    throw new Error(badLine(Buffer.from(bytes)));
  }
}

/** Names the line whose bytes are no UTF-8. */
function badLine(bytes: Buffer): string {
  let start = 0;
  for (let line = 1; start <= bytes.byteLength; line += 1) {
    const end = bytes.indexOf(10, start);
    const one = bytes.subarray(start, end < 0 ? bytes.byteLength : end);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(one);
    } catch {
      return `invalid utf8 bytes at line ${line}: [${[...one].join(" ")}]`;
    }
    start += one.byteLength + 1;
  }
  return "invalid utf8 bytes";
}
