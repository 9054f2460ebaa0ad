import { EngineError, ErrorCode } from "#errors";
import type { FileType } from "#erofs";
import { toDisplayPath } from "#tar";
import { compileGlob } from "./glob.ts";
import type { PathPredicate } from "./glob.ts";
import { parseSize, SizeProblem } from "./humanize.ts";
import type { LayerEntry } from "./openImage.ts";

/** What is looked for: all that is given must hold; of several globs one. */
export interface SearchQuery {
  /** See {@link compileGlob}: without "/" on the name, else on the whole path. */
  readonly globs?: readonly string[];
  /** A JavaScript regular expression, somewhere in the path (without leading "/"). */
  readonly regex?: string;
  readonly ignoreCase?: boolean;
  /** Bytes or a size (`10MB`, `1GiB`): files with more, with fewer. */
  readonly larger?: string | number;
  readonly smaller?: string | number;
  /** Files and directories that have the bit. */
  readonly setuid?: boolean;
  readonly setgid?: boolean;
  /** Anything but symlinks that others may write. */
  readonly worldWritable?: boolean;
  /** `UID`, `UID:GID` or `:GID` in numbers; "root" is 0. */
  readonly owner?: string;
  /** A type, or find's letter for it: f d l b c p. */
  readonly type?: string;
  /** Hex, with or without `sha256:`. */
  readonly sha256?: string;
}

/** A query that was understood. */
export interface SearchMatcher {
  /** Whether an entry is (or, with a digest, could be) what is looked for. Whiteouts never are. */
  matches(entry: LayerEntry): boolean;
  /** Lower-case hex that the bytes of a matching file must have; undefined when bytes do not matter. */
  readonly sha256: string | undefined;
}

type Test = (entry: LayerEntry) => boolean;

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, message);
}

const isAscii = (path: string): boolean => !/[\u0080-\u00ff]/.test(path);

/** Patterns are written by people: they see the path as they do. */
function onDisplayPath(predicate: PathPredicate, ignoreCase: boolean): Test {
  return ({ path }) => {
    const shown = isAscii(path) ? path : toDisplayPath(path);
    return predicate(ignoreCase ? shown.toLowerCase() : shown);
  };
}

function globTest(globs: readonly string[], ignoreCase: boolean): Test {
  const predicates = globs.map((glob) => compileGlob(ignoreCase ? glob.toLowerCase() : glob));
  return onDisplayPath((path) => predicates.some((predicate) => predicate(path)), ignoreCase);
}

function regexTest(text: string, ignoreCase: boolean): Test {
  try {
    const regex = new RegExp(text, ignoreCase ? "iu" : "u");
    return onDisplayPath((path) => regex.test(path), false);
  } catch (cause) {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.INVALID_FLAG,
      `invalid regular expression ${JSON.stringify(text)}`,
      { cause },
    );
  }
}

function bytesOf(size: string | number): number {
  const bytes = typeof size === "number" ? size : parseSize(size);
  if (bytes instanceof SizeProblem) throw invalid(`invalid size ${JSON.stringify(size)}: ${bytes.message}`);
  return bytes;
}

const isFile: Test = (entry) => entry.type === "file" && entry.hardLink !== true;

const TYPES: Readonly<Record<string, FileType>> = {
  f: "file",
  d: "directory",
  l: "symlink",
  b: "block",
  c: "char",
  p: "fifo",
  file: "file",
  directory: "directory",
  symlink: "symlink",
  block: "block",
  char: "char",
  fifo: "fifo",
};

function typeTest(text: string): Test {
  const type = Object.hasOwn(TYPES, text) ? TYPES[text] : undefined;
  if (type === undefined) throw invalid(`invalid type ${JSON.stringify(text)}: one of f, d, l, b, c, p`);
  return (entry) => entry.type === type;
}

function ownerTest(text: string): Test {
  const [, uid, gid] = /^(\d+|root)?(?::(\d+|root))?$/.exec(text) ?? [];
  if (uid === undefined && gid === undefined)
    throw invalid(`invalid owner ${JSON.stringify(text)}: UID, UID:GID or :GID`);
  const numberOf = (id: string | undefined): number | undefined =>
    id === "root" ? 0 : id === undefined ? id : Number(id);
  const [wantedUid, wantedGid] = [numberOf(uid), numberOf(gid)];
  return (entry) =>
    (wantedUid === undefined || entry.uid === wantedUid) && (wantedGid === undefined || entry.gid === wantedGid);
}

/** What a directory that no tar entry names cannot answer: its attributes are made up. */
function attributeTests(query: SearchQuery): readonly Test[] {
  const tests: Test[] = [];
  if (query.setuid === true) tests.push(({ mode, type }) => (mode & 0o4000) !== 0 && type !== "symlink");
  if (query.setgid === true) tests.push(({ mode, type }) => (mode & 0o2000) !== 0 && type !== "symlink");
  if (query.worldWritable === true) tests.push(({ mode, type }) => (mode & 0o0002) !== 0 && type !== "symlink");
  if (query.owner !== undefined) tests.push(ownerTest(query.owner));
  return tests.length === 0 ? [] : [(entry) => entry.implied !== true, ...tests];
}

function sizeTests({ larger, smaller }: SearchQuery): readonly Test[] {
  const tests: Test[] = [];
  if (larger !== undefined) {
    const bytes = bytesOf(larger);
    tests.push((entry) => isFile(entry) && entry.size > bytes);
  }
  if (smaller !== undefined) {
    const bytes = bytesOf(smaller);
    tests.push((entry) => isFile(entry) && entry.size < bytes);
  }
  return tests;
}

/**
 * A query as a predicate over the entries of layers, cheap tests first.
 * @throws {invalid_argument} INVALID_FLAG for what is no glob, expression, size, owner, type or digest
 */
export function compileSearch(query: SearchQuery): SearchMatcher {
  const { globs = [], regex, type, ignoreCase = false } = query;
  const [, sha256] = /^(?:sha256:)?([0-9a-f]{64})$/.exec((query.sha256 ?? "").trim().toLowerCase()) ?? [];
  if (query.sha256 !== undefined && sha256 === undefined)
    throw invalid(`invalid sha256 ${JSON.stringify(query.sha256)}`);
  const tests: readonly Test[] = [
    (entry) => entry.whiteout !== true,
    ...(sha256 === undefined ? [] : [(entry: LayerEntry) => entry.type === "file"]),
    ...(type === undefined ? [] : [typeTest(type)]),
    ...sizeTests(query),
    ...attributeTests(query),
    ...(globs.length === 0 ? [] : [globTest(globs, ignoreCase)]),
    ...(regex === undefined ? [] : [regexTest(regex, ignoreCase)]),
  ];
  return { matches: (entry) => tests.every((test) => test(entry)), sha256 };
}

/**
 * The entries of one layer that a query finds, in their order. `digestOf` gives the sha256 (hex) of a regular file of
 * that layer; it is asked once for a file, only when bytes matter, and may answer from a cache.
 */
export async function* searchLayer(
  entries: readonly LayerEntry[],
  matcher: SearchMatcher,
  digestOf: (path: string) => Promise<string>,
): AsyncGenerator<LayerEntry, void, void> {
  const known = new Map<string, string>();
  for (const entry of entries) {
    if (!matcher.matches(entry)) continue;
    if (matcher.sha256 !== undefined) {
      const path = entry.hardLink === true ? (entry.target ?? entry.path) : entry.path;
      const digest = known.get(path) ?? (await digestOf(path));
      known.set(path, digest);
      if (digest !== matcher.sha256) continue;
    }
    yield entry;
  }
}
