/**
 * What `bin/varve` runs: the bundled command while its sources are as they were when it was bundled, else the sources. It
 * becomes bundle/varve.cjs (see bundle.ts). It is compiled anew at each start, so it is short; looking at a file costs
 * 5 µs, so only the files of what is loaded are looked at.
 */
import { readFileSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { Script } from "node:vm";
import type { BundleScript, Manifest } from "./parts.ts";

/** The name of the script beside this file; bundle.ts fills it in. */
declare const SCRIPT: string;

const ROOT = __dirname.slice(0, __dirname.lastIndexOf("/"));

function fromSources(path: string): Promise<unknown> {
  enableCompileCache(`${ROOT}/node_modules/.cache/varve`);
  return import(`${ROOT}/${path}`.replaceAll("%", "%25").replaceAll("#", "%23").replaceAll("?", "%3F"));
}

function read(name: string): Buffer | undefined {
  try {
    return readFileSync(`${__dirname}/${name}`);
  } catch {
    return undefined;
  }
}

/** Whether all files of a part are as they were; each is looked at once. */
function createCheck({ files, parts }: Manifest): (part: string) => boolean {
  const known: (boolean | undefined)[] = [];
  const isSame = (index: number): boolean => {
    const [path, mtimeMs, size] = files[index] ?? ["", 0, 0];
    const now = statSync(`${ROOT}/${path}`, { throwIfNoEntry: false });
    return now !== undefined && now.mtimeMs === mtimeMs && now.size === size;
  };
  return (part) => parts[part]?.every((index) => (known[index] ??= isSame(index))) ?? false;
}

function openScript(): BundleScript | undefined {
  // Text of ASCII only, so that it is one byte a character as it is.
  const source = read(SCRIPT)?.toString("latin1");
  if (source === undefined) return undefined;
  const cachedData = read(`${SCRIPT}.${process.version}-${process.arch}.cache`);
  const filename = `${__dirname}/${SCRIPT}`;
  const script = new Script(source, cachedData === undefined ? { filename } : { filename, cachedData });
  return script.runInThisContext() as BundleScript;
}

function main(): Promise<unknown> {
  const script = openScript();
  if (script === undefined) return fromSources("src/cli/main.ts");
  const isCurrent = createCheck(JSON.parse(script.manifest) as Manifest);
  if (!isCurrent("")) return fromSources("src/cli/main.ts");
  // What came of sources and what came of the bundle may meet: rooms know each other's errors by their brands.
  const program = script.open(ROOT, (part, bundled) => (isCurrent(part) ? bundled() : fromSources(part)));
  return program.main(process.argv.slice(2));
}

// A stack names places of the bundle; of the sources it is of more use to who asked for it.
const wantsStacks = process.argv.some((word) => /^(?:-\w*D|--debug)/.test(word));
void (wantsStacks ? fromSources("src/cli/main.ts") : main());
