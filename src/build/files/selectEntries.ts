import { createIgnoreMatcher } from "#dockerfile";
import type { IgnoreMatcher, IgnoreVisit } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import { fromDisplayPath, toDisplayPath } from "#tar";
import type { CopyAction } from "../graph/operation.ts";
import { goMatch } from "./goMatch.ts";
import { joinPath } from "./sourceTree.ts";
import type { SourceEntry, SourceTree } from "./sourceTree.ts";

/** One thing that a COPY names (or a wildcard finds), with all that goes along. */
export interface Selection {
  /** Its name as written or found, symlinks not followed: what it is called at the destination. latin1 */
  readonly name: string;
  readonly top: SourceEntry;
  /** Of a directory, all below, parents first. */
  readonly below: readonly SelectedEntry[];
}

export interface SelectedEntry {
  readonly entry: SourceEntry;
  /** From the top of the selection. */
  readonly path: string;
  /** False: a directory that is only made if something below it is, with less of its attributes. */
  readonly isIncluded: boolean;
}

/** What a COPY or ADD takes from its source, in the order of its arguments. @throws {not_found} for a path that is not there */
export function selectEntries(tree: SourceTree, action: CopyAction): Selection[] {
  return action.sources.flatMap((source) => {
    const { base, includes } = splitParents(action, source);
    const excluded = createIgnoreMatcher(action.excludes);
    const found = findSources(tree, base).flatMap((name) => {
      const selection = select(tree, { action, name, includes });
      return isLeftOut(selection, excluded) ? [] : [selection];
    });
    if (includes !== undefined && !action.allowNoMatch && !hasWildcard(includes)) requireMatch(found, includes);
    return found;
  });
}

/**
 * A file that is named itself, or by a wildcard: `--exclude=*.txt hom*` keeps `home.txt` out. So says the reference;
 * BuildKit asks only for what is below a directory (moby/buildkit#5489).
 */
function isLeftOut({ name, top }: Selection, excluded: IgnoreMatcher): boolean {
  if (top.type === "directory" || excluded.empty) return false;
  return excluded.visit(toDisplayPath(name.slice(name.lastIndexOf("/") + 1)), undefined).ignored;
}

/** `--parents`: everything up to `/./` is where to look, the rest is what to copy with its directories. */
function splitParents(
  action: CopyAction,
  source: string,
): { readonly base: string; readonly includes: string | undefined } {
  if (!action.parents) return { base: source, includes: undefined };
  const pivot = source.indexOf("/./");
  const pattern = pivot < 0 ? source : source.slice(pivot + 3);
  const base = pivot < 0 ? "/" : source.slice(0, pivot);
  return { base: base === "" ? "/" : base, includes: cleanRelative(pattern) };
}

function requireMatch(found: readonly Selection[], pattern: string): void {
  const isFound = found.some(({ below }) => below.some(({ isIncluded }) => isIncluded));
  if (!isFound && pattern !== "") throw notFound(pattern);
}

function findSources(tree: SourceTree, source: string): readonly string[] {
  const parts = cleanRelative(fromDisplayPath(source)).split("/");
  const wild = parts.findIndex(hasWildcard);
  if (wild < 0) return [parts.join("/")];
  const directory = tree.resolve(parts.slice(0, wild).join("/"));
  const start = tree.find(directory);
  if (start === undefined) throw notFound(toDisplayPath(directory));
  const pattern = toDisplayPath(parts.slice(wild).join("/"));
  return findMatches(tree, { start, pattern, depth: parts.length - wild });
}

interface WildcardSearch {
  readonly start: SourceEntry;
  readonly pattern: string;
  /** Names in the pattern: `*` never crosses a `/`. */
  readonly depth: number;
}

function findMatches(tree: SourceTree, { start, pattern, depth }: WildcardSearch): string[] {
  const matches: string[] = [];
  const visit = (directory: SourceEntry, relative: string, level: number): void => {
    for (const entry of tree.list(directory)) {
      const path = joinPath(relative, entry.path.slice(entry.path.lastIndexOf("/") + 1));
      if (level === depth) {
        if (goMatch(pattern, toDisplayPath(path))) matches.push(joinPath(start.path, path));
      } else if (entry.type === "directory") visit(entry, path, level + 1);
    }
  };
  if (start.type === "directory") visit(start, "", 1);
  return matches;
}

/** As fsutil tells a wildcard: `*`, `?` or `[` that no `\` stands before. */
function hasWildcard(part: string): boolean {
  return /(?:^|[^\\])(?:\\\\)*[*?[]/.test(part);
}

interface SelectionOf {
  readonly action: CopyAction;
  readonly name: string;
  readonly includes: string | undefined;
}

function select(tree: SourceTree, { action, name, includes }: SelectionOf): Selection {
  const path = tree.resolve(name);
  const top = tree.find(path);
  if (top === undefined) throw notFound(toDisplayPath(path));
  if (top.type !== "directory") return { name, top, below: [] };
  const walk = new SelectionWalk(tree, { excludes: action.excludes, includes });
  return { name, top, below: walk.below(top) };
}

/** Walks a directory as fsutil copies it: includes and excludes are asked for each name, directories or not. */
class SelectionWalk {
  readonly #tree: SourceTree;
  readonly #excludes: IgnoreMatcher;
  readonly #includes: IgnoreMatcher | undefined;
  /** Names that lead to the only match, when the pattern has no wildcard. */
  readonly #way: readonly string[] | undefined;

  constructor(
    tree: SourceTree,
    patterns: { readonly excludes: readonly string[]; readonly includes: string | undefined },
  ) {
    this.#tree = tree;
    this.#excludes = createIgnoreMatcher(patterns.excludes);
    const { includes } = patterns;
    const isAll = includes === undefined || includes === "";
    this.#includes = isAll ? undefined : createIgnoreMatcher([includes]);
    this.#way = isAll || hasWildcard(includes) || includes.includes("\\") ? undefined : includes.split("/");
  }

  below(top: SourceEntry): SelectedEntry[] {
    const found: SelectedEntry[] = [];
    this.#visit(top, "", { include: undefined, exclude: undefined, depth: 0 }, found);
    return found;
  }

  #visit(directory: SourceEntry, relative: string, above: Visits, found: SelectedEntry[]): void {
    const wanted = this.#way?.[above.depth];
    for (const entry of this.#tree.list(directory)) {
      const name = entry.path.slice(entry.path.lastIndexOf("/") + 1);
      if (wanted === undefined || toDisplayPath(name) === wanted)
        this.#take(entry, joinPath(relative, name), above, found);
    }
  }

  #take(entry: SourceEntry, path: string, above: Visits, found: SelectedEntry[]): void {
    const text = this.#needsText ? toDisplayPath(path) : path;
    const include = this.#includes?.visit(text, above.include);
    const exclude = this.#excludes.empty ? undefined : this.#excludes.visit(text, above.exclude);
    const isIncluded = include?.ignored !== false && exclude?.ignored !== true;
    if (entry.type !== "directory") {
      if (isIncluded) found.push({ entry, path, isIncluded });
      return;
    }
    const count = found.push({ entry, path, isIncluded });
    if (exclude === undefined || this.#excludes.mayKeepBelow(text, exclude)) {
      this.#visit(entry, path, { include, exclude, depth: above.depth + 1 }, found);
    }
    // A directory that is not wanted for itself goes with what it holds.
    if (!isIncluded && found.length === count) found.pop();
  }

  get #needsText(): boolean {
    return this.#includes !== undefined || !this.#excludes.empty;
  }
}

interface Visits {
  readonly include: IgnoreVisit | undefined;
  readonly exclude: IgnoreVisit | undefined;
  readonly depth: number;
}

/** `/a//b/../c/` → `a/c`, as Go's filepath.Join with a root before it. */
export function cleanRelative(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function notFound(path: string): EngineError {
  return new EngineError("not_found", ErrorCode.BAD_REQUEST, `"/${path}": not found`);
}
