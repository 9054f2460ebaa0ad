import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isInvalidArgument } from "#errors";

import { createIgnoreMatcher, type IgnoreVisit } from "./ignoreMatcher.ts";
import { readIgnoreFile } from "./readIgnoreFile.ts";

const ignores = (patterns: readonly string[], path: string): boolean => createIgnoreMatcher(patterns).ignores(path);

test("ignore file: lines are trimmed, cleaned, relative", () => {
  const text =
    "\uFEFF# comment\n\n  a  \r\n /b/c/ \n!/d\n! e/../f\n!\n/\n./g//h/.\n #kept\n../up\n**/x/\n\u00a0z\u3000\n";
  const expected = ["a", "b/c", "!d", "!f", "!", "/", "g/h", "#kept", "../up", "**/x", "z"];
  assert.deepEqual(readIgnoreFile(text), expected);
  assert.deepEqual(readIgnoreFile(""), []);
  assert.equal(readIgnoreFile(`${"a".repeat(65_535)}\n`).length, 1);
  assert.throws(() => readIgnoreFile("a".repeat(65_536)), /^EngineError: bufio.Scanner: token too long/);
});

const MATCHING: readonly (readonly [string, string])[] = [
  ["**", "dir/file"],
  ["**/", "file"],
  ["**/**", "dir/file"],
  ["dir/**", "dir/dir2/file"],
  ["**/dir", "dir/file"],
  ["**/dir2/*", "dir/dir2/file"],
  ["**/dir2/**", "dir/dir2/dir3/file"],
  ["**file", "dir/dir/file"],
  ["**file", "dir/myfile"],
  ["**/file*.txt*", "dir/dir/file.txt"],
  ["**/**/*.txt", "file.txt"],
  ["a**/*.txt", "a/dir/dir/file.txt"],
  ["a/*.txt**", "a/file.txt"],
  ["a[^b-d]e", "aze"],
  [".*", ".foo"],
  ["abc?def", "abcZdef"],
  ["a\\\\", "a\\"],
  ["a\\*b", "a*b"],
  ["**/.foo", ".foo"],
  ["a(b)c/def", "a(b)c/def"],
  ["a.|)$(}+{bc", "a.|)$(}+{bc"],
  ["dist/*.whl", "dist/py-2.4+g08-any.whl"],
  ["a?b", "a☺b"],
  ["a?b", "a😀b"],
  ["[a-ζ]*", "α"],
  ["*", "a/b"],
  // What the language of expressions brought along.
  ["file\\d?", "file7a"],
  ["[[:alpha:]_]x", "qx"],
  ["a|zz*", "abc"],
  ["a{2}*", "aab"],
  ["^x*", "xy"],
  ["^x", "^x"],
  ["\\Qa{2}\\E?", "a{2}q"],
];
const OTHER: readonly (readonly [string, string])[] = [
  ["a/*.txt", "a/dir/file.txt"],
  ["**/**/*.txt2", "dir/dir/file.txt"],
  ["a[b-d]e", "ae"],
  ["abc.def", "abcZdef"],
  ["abc?def", "abcdef"],
  ["abc/**", "abc"],
  ["**/.foo", "bar.foo"],
  ["a*b", "a/b"],
  ["ABC", "abc"],
  ["x^*", "x^y"],
  ["file\\d", "filed"],
  ["a*", "b"],
];

test("ignore matcher: patterns that match, and such that do not", () => {
  for (const [pattern, path] of MATCHING) assert.equal(ignores([pattern], path), true, `${pattern} over ${path}`);
  for (const [pattern, path] of OTHER) assert.equal(ignores([pattern], path), false, `${pattern} over ${path}`);
});

test("ignore matcher: the last pattern decides", () => {
  assert.equal(ignores(["**", "!util/docker/web"], "util/docker/web/foo"), false);
  assert.equal(ignores(["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo"), true);
  assert.equal(ignores(["!a.go", "*.go"], "a.go"), true);
  assert.equal(ignores(["docs", "!docs/README.md"], "docs/README.md"), false);
  assert.equal(ignores([], "a"), false);
});

test("ignore matcher: wrong patterns are refused", () => {
  for (const pattern of ["[", "[]a]", "[a-]", "[-x]", "[x-]", "a\\", "[a", "[a-b-c]", "*[", "a*[b"]) {
    assert.throws(() => createIgnoreMatcher([pattern]), /syntax error in pattern/, pattern);
  }
  assert.throws(() => createIgnoreMatcher(["!"]), /illegal exclusion pattern: "!"/);
  for (const pattern of ["\\y*", "[z-a]", "*{2}", "\\1*", "a{2}{3}*", "[[:nope:]]"]) {
    const matcher = createIgnoreMatcher([pattern]);
    assert.throws(() => matcher.ignores("a"), isInvalidArgument, pattern);
  }
  // Never tried, so never wrong.
  assert.equal(ignores(["!\\y*"], "a"), false);
});

test("ignore matcher: a directory may be stepped over when no exception reaches below", () => {
  const below = (patterns: readonly string[], path: string): boolean => {
    const matcher = createIgnoreMatcher(patterns);
    return matcher.mayKeepBelow(path, matcher.visit(path));
  };
  assert.equal(below(["node_modules"], "node_modules"), false);
  assert.equal(below(["node_modules", "!src/keep"], "node_modules"), false);
  assert.equal(below(["node_modules", "!node_modules/x/keep"], "node_modules"), true);
  assert.equal(below(["node_modules", "!node_modules/*.md"], "node_modules/deep"), false);
  assert.equal(below(["*", "!*.md"], "docs"), false);
  assert.equal(below(["*", "!**/*.md"], "docs"), true);
  assert.equal(below(["*", "!docs/**"], "docs"), true);
  assert.equal(below(["!**/*.md", "docs"], "docs"), false);
  assert.equal(below(["other"], "docs"), true);
});

test("ignore matcher: hostile patterns cost what their length does", () => {
  const path = `${"a".repeat(200)}/`.repeat(15).slice(0, -1);
  const hostile = ["(a*)*".repeat(20), "*a".repeat(300), "**a".repeat(300), "a{0,1000}".repeat(3), "[a*]*".repeat(500)];
  const matcher = createIgnoreMatcher(hostile.map((pattern) => `${pattern}?b`));
  assert.equal(matcher.ignores(path), false);
  assert.throws(
    () => createIgnoreMatcher([`x${"*a".repeat(30_000)}`]).ignores(path),
    /syntax error in pattern/,
    "no path is long enough for it",
  );
});

/** The rules as they are told, with JavaScript's own expressions. */
function modelMatches(pattern: string, path: string): boolean {
  if (pattern === "**") return true;
  // `**x` is the end of a path, of a name too.
  if (/^\*\*[^/*?[]+$/.test(pattern)) return path.endsWith(pattern.slice(2));
  const source = pattern
    .replace(/[.+()$]/g, "\\$&")
    .replace(/\*\*\/?$/, "<any>")
    .replace(/\*\*\/?/g, "<directories>")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]")
    .replaceAll("<any>", ".*")
    .replaceAll("<directories>", "(.*/)?");
  return new RegExp(`^${source}$`, "u").test(path);
}

function modelIgnores(patterns: readonly string[], path: string): boolean {
  const parts = path.split("/");
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  let ignored = false;
  for (const pattern of patterns) {
    const exception = pattern.startsWith("!");
    const text = exception ? pattern.slice(1) : pattern;
    if (paths.some((candidate) => modelMatches(text, candidate))) ignored = !exception;
  }
  return ignored;
}

const name = fc.array(fc.constantFrom("a", "b", ".", "é"), { minLength: 1, maxLength: 3 }).map((part) => part.join(""));
const segment = fc
  .array(fc.constantFrom("a", "b", ".", "*", "?", "[ab]", "[^a]"), { minLength: 1, maxLength: 3 })
  .map((part) => part.join(""));
const pattern = fc
  .tuple(fc.boolean(), fc.array(fc.oneof(segment, fc.constant("**")), { minLength: 1, maxLength: 3 }))
  .map(([exception, parts]) => `${exception ? "!" : ""}${parts.join("/")}`);
const patterns = fc.array(pattern, { maxLength: 5 }).map((lines) => readIgnoreFile(lines.join("\n")));
const path = fc
  .array(
    name.filter((part) => !/^\.+$/.test(part)),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join("/"));

test("ignore matcher: agrees with the model", () => {
  fc.assert(
    fc.property(patterns, path, (list, candidate) => {
      assert.equal(ignores(list, candidate), modelIgnores(list, candidate), `${list.join(" ")} over ${candidate}`);
    }),
    { numRuns: 3000 },
  );
});

test("ignore matcher: a walk that steps over directories keeps the same files", () => {
  fc.assert(
    fc.property(patterns, fc.array(path, { maxLength: 12 }), (list, files) => {
      const matcher = createIgnoreMatcher(list);
      for (const file of files) {
        const parts = file.split("/");
        let parent: IgnoreVisit | undefined;
        let skipped = false;
        for (let depth = 1; depth <= parts.length; depth += 1) {
          const at = parts.slice(0, depth).join("/");
          parent = matcher.visit(at, parent);
          skipped ||= depth < parts.length && !matcher.mayKeepBelow(at, parent);
        }
        if (skipped) assert.equal(parent?.ignored, true, `${list.join(" ")} over ${file}`);
      }
    }),
    { numRuns: 3000 },
  );
});
