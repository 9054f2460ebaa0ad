/**
 * What `bin/varve` runs: the bundled command while its sources are as they were when it was bundled, else the sources. It
 * becomes bundle/varve.cjs (see bundle.ts). It is compiled anew at each start, so it is short; looking at a file costs
 * 5 µs, so only the files of what is loaded are looked at.
 */
import { readFileSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { Script } from "node:vm";
import type { BundleScript, LoadPart, MainScript, Manifest, OtherScript } from "./parts.ts";

/** Names of the scripts beside this file; bundle.ts fills them in. */
declare const MAIN: string;
declare const OTHER: string;

const ROOT = __dirname.slice(0, __dirname.lastIndexOf("/"));

function fromSources(path: string): Promise<unknown> {
  enableCompileCache(`${ROOT}/node_modules/.cache/varve`);
  return import(`${ROOT}/${path}`.replaceAll("%", "%25").replaceAll("#", "%23").replaceAll("?", "%3F"));
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
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

interface Opened<T> {
  readonly isCurrent: (part: string) => boolean;
  readonly open: () => T;
}

function openScript<T>(name: string): Opened<T> | undefined {
  const filename = `${__dirname}/${name}`;
  // Text of ASCII only, so that it is one byte a character as it is.
  const source = read(filename)?.toString("latin1");
  if (source === undefined) return undefined;
  const cachedData = read(`${filename}.${process.version}-${process.arch}.cache`);
  const script = new Script(source, cachedData === undefined ? { filename } : { filename, cachedData });
  const { manifest, open } = script.runInThisContext() as BundleScript<T>;
  const isCurrent = createCheck(JSON.parse(manifest) as Manifest);
  // What came of sources and what came of either script may meet: errors are known by their brands.
  const loadPart: LoadPart = (part, bundled) => {
    if (bundled === undefined) return fromOther(part);
    return isCurrent(part) ? bundled() : fromSources(part);
  };
  return { isCurrent, open: () => open(ROOT, loadPart) };
}

let other: Opened<OtherScript> | undefined;
let otherParts: OtherScript["parts"] | undefined;

function fromOther(part: string): Promise<unknown> {
  other ??= openScript<OtherScript>(OTHER);
  if (other?.isCurrent(part) !== true) return fromSources(part);
  otherParts ??= other.open().parts;
  return otherParts[part]?.() ?? fromSources(part);
}

function start(): Promise<unknown> {
  const script = openScript<MainScript>(MAIN);
  return script?.isCurrent("") === true ? script.open().main(process.argv.slice(2)) : fromSources("src/cli/main.ts");
}

// A stack names places of the bundle; of the sources it is of more use to who asked for it.
const wantsStacks = process.argv.some((word) => /^(?:-\w*D|--debug)/.test(word));
void (wantsStacks ? fromSources("src/cli/main.ts") : start());
