import { goQuote, parseGoBoolean } from "#gotext";
import { invalidDockerfile } from "./dockerfileError.ts";
import { cleanPath } from "./goPath.ts";

/** A git repository, and what of it, as contexts and ADD name it. */
export interface GitReference {
  /** What git is given: `https://host/a/b.git`, `git@host:a/b.git`; without a scheme for `github.com/a/b`. */
  readonly remote: string;
  /** The repository's own name: `b` of `https://host/a/b.git`. */
  readonly shortName: string;
  /** Branch, tag or commit; empty for the remote's HEAD. */
  readonly ref: string;
  /** The commit that `ref` must be; empty where none was asked for. */
  readonly checksum: string;
  /** Directory that becomes the root; empty for the repository's. */
  readonly subdirectory: string;
  /** `github.com/a/b`: might be a path as well. A context only, never a source of ADD. */
  readonly likeLocalPath: boolean;
  /** `git://` and `http://`. */
  readonly unencrypted: boolean;
  readonly keepGitDirectory?: boolean;
  readonly submodules?: boolean;
  /** Times of files: of the checkout, or of the commit. */
  readonly times?: "checkout" | "commit";
  readonly fetchByCommit: boolean;
}

const SCHEME = /^([a-zA-Z0-9]+):\/\//;
const SCHEMES: ReadonlySet<string> = new Set(["http", "https", "ssh", "git"]);
const SECURE_COPY = /^([a-zA-Z0-9\-_]+)@([a-zA-Z0-9\-.]+):(.*?)(?:\?(.*?))?(?:#(.*))?$/;
/** Authority of a URL with an optional numeric port. */
const AUTHORITY = /^(?:[^@/]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^:[\]/@\s]*)(?::[0-9]*)?$/;
const FLAGS: ReadonlySet<string> = new Set(["submodules", "keep-git-dir", "fetch-by-commit"]);

interface Location {
  readonly scheme: string;
  readonly remote: string;
  readonly path: string;
  /** As written behind `?`. */
  readonly query: string;
  readonly fragment: string;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function cut(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** A URL as far as git's are looked at; undefined for what is none. */
function parseUrl(text: string, scheme: string): Location | undefined {
  const [withoutFragment, rawFragment] = cut(text, "#");
  const [place, query] = cut(withoutFragment, "?");
  const slash = place.indexOf("/");
  const authority = slash < 0 ? place : place.slice(0, slash);
  const path = decode(slash < 0 ? "" : place.slice(slash));
  const fragment = decode(rawFragment);
  if (path === undefined || fragment === undefined || /\p{Cc}/u.test(place)) return undefined;
  if (!AUTHORITY.test(authority)) return undefined;
  return { scheme, remote: `${scheme}://${place.replaceAll(" ", "%20")}`, path, query, fragment };
}

function locate(text: string): Location | undefined {
  if (text.startsWith("./") || text.startsWith("../")) return undefined;
  if (text.startsWith("github.com/")) return parseUrl(text, "https");
  const written = SCHEME.exec(text);
  if (written !== null) {
    const scheme = (written[1] ?? "").toLowerCase();
    if (!SCHEMES.has(scheme)) return undefined;
    const url = parseUrl(text.slice(written[0].length), scheme);
    // A page of the web is a repository only where its name says so.
    return scheme.startsWith("http") && url?.path.endsWith(".git") !== true ? undefined : url;
  }
  const copy = SECURE_COPY.exec(text);
  if (copy === null) return undefined;
  const [, user = "", host = "", path = "", query = "", fragment = ""] = copy;
  return { scheme: "ssh", remote: `${user}@${host}:${path}`, path, query, fragment };
}

/** Pairs of a query; what cannot be decoded is left out, as everywhere. */
function queryPairs(query: string): ReadonlyMap<string, readonly string[]> {
  const pairs = new Map<string, string[]>();
  for (const part of query.split("&")) {
    if (part === "" || part.includes(";")) continue;
    const [key, value] = cut(part, "=").map((text) => decode(text.replaceAll("+", " ")));
    if (key !== undefined && value !== undefined) pairs.set(key, [...(pairs.get(key) ?? []), value]);
  }
  return pairs;
}

type Draft = { -readonly [Key in keyof GitReference]: GitReference[Key] };

function settle(draft: Draft, field: "ref" | "subdirectory", shown: string, value: string): void {
  if (draft[field] !== "" && draft[field] !== value) {
    throw invalidDockerfile(`${shown} conflicts: ${goQuote(draft[field])} vs ${goQuote(value)}`);
  }
  draft[field] = value;
}

function flag(key: string, value: string): boolean {
  if (value === "") return true;
  const parsed = parseGoBoolean(value);
  if (parsed === undefined) throw invalidDockerfile(`invalid ${key} value: ${goQuote(value)}`);
  return parsed;
}

function times(value: string): "checkout" | "commit" {
  if (value === "checkout" || value === "commit") return value;
  throw invalidDockerfile(`invalid mtime value: ${goQuote(value)} (must be "checkout" or "commit")`);
}

function applyPair(draft: Draft, key: string, value: string): void {
  switch (key) {
    case "ref":
      settle(draft, "ref", "ref", value);
      return;
    case "subdir":
      settle(draft, "subdirectory", "subdir", value);
      return;
    case "checksum":
    case "commit":
      draft.checksum = value;
      return;
    case "keep-git-dir":
      draft.keepGitDirectory = flag(key, value);
      return;
    case "submodules":
      draft.submodules = flag(key, value);
      return;
    case "fetch-by-commit":
      draft.fetchByCommit = flag(key, value);
      return;
    case "mtime":
      draft.times = times(value);
      return;
    case "tag":
    case "branch":
      return;
    default:
      throw invalidDockerfile(`unexpected query ${goQuote(key)}`);
  }
}

const withPrefix = (value: string, prefix: string): string => (value.startsWith(prefix) ? value : prefix + value);

function applyQuery(draft: Draft, query: string): void {
  const pairs = queryPairs(query);
  for (const [key, [value = "", ...others]] of pairs) {
    if (others.length > 0) throw invalidDockerfile(`query ${goQuote(key)} has multiple values`);
    if (value === "" && !FLAGS.has(key)) throw invalidDockerfile(`query ${goQuote(key)} has no value`);
    applyPair(draft, key, value);
  }
  const [tag] = pairs.get("tag") ?? [];
  const [branch] = pairs.get("branch") ?? [];
  if (tag !== undefined) settle(draft, "ref", "ref", withPrefix(tag, "refs/tags/"));
  if (branch === undefined) return;
  if (tag !== undefined) throw invalidDockerfile("branch conflicts with tag");
  settle(draft, "ref", "ref", withPrefix(branch, "refs/heads/"));
}

/**
 * What a text names of a git repository; undefined for one that names none, which is then a path, a URL of a file or
 * wrong. Known are `https://host/a.git`, `http://…`, `ssh://…`, `git://…`, `user@host:path` and `github.com/a/b`, each
 * with `#ref:subdirectory` or `?ref=&subdir=&tag=&branch=&checksum=&keep-git-dir=&submodules=&mtime=&fetch-by-commit=`.
 * @throws {invalid_argument} for a repository whose query is wrong: `unexpected query "x"`.
 */
export function parseGitReference(text: string): GitReference | undefined {
  const location = locate(text);
  if (location === undefined) return undefined;
  const { scheme, query, fragment } = location;
  const likeLocalPath = text.startsWith("github.com/");
  const remote = likeLocalPath ? location.remote.slice("https://".length) : location.remote;
  const [ref, subdirectory] = cut(fragment, ":");
  const draft: Draft = {
    remote,
    shortName: (remote.split("/").at(-1) ?? "").replace(/\.git$/, ""),
    ref,
    checksum: "",
    subdirectory: cleanPath(`/${subdirectory}`).slice(1),
    likeLocalPath,
    unencrypted: scheme === "http" || scheme === "git",
    fetchByCommit: false,
  };
  applyQuery(draft, query);
  return draft;
}
