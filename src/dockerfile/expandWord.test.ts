import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import * as fc from "fast-check";

import { isInvalidArgument, messageOf } from "#errors";

import { expandWord, type ExpandOptions } from "./expandWord.ts";

const FIXTURES = resolve(import.meta.dirname, "../../../shared/fixtures/dockerfile-shell");
const skip = existsSync(FIXTURES) ? false : "shared/fixtures/dockerfile-shell is absent: both its tables are left out";
const linesOf = (name: string): readonly string[] => readFileSync(join(FIXTURES, name), "utf8").split("\n");

function expand(word: string, variables: Readonly<Record<string, string>> = {}, options: ExpandOptions = {}): string {
  return expandWord(word, new Map(Object.entries(variables)), options).result;
}

test("expansion: golden words with variables", { skip }, () => {
  const variables = { PWD: "/home", SHELL: "bash", KOREAN: "한국어", NULL: "" };
  for (const line of linesOf("envVarTest")) {
    if (line.startsWith("#") || line.trim() === "") continue;
    const [platform = "", source = "", expected = ""] = line.split("|").map((part) => part.trim());
    if (platform === "W") continue;
    if (expected === "error") assert.throws(() => expand(source, variables), isInvalidArgument, line);
    else assert.equal(expand(source, variables), expected, line);
  }
});

test("expansion: golden splitting into words", { skip }, () => {
  const variables = new Map<string, string>();
  for (const line of linesOf("wordsTest")) {
    if (line.startsWith("#") || line === "") continue;
    if (line.startsWith("ENV ")) {
      const [, name = "", value = ""] = /^ENV +([^=]*)=(.*)$/.exec(line) ?? [];
      variables.set(name, value);
      continue;
    }
    const [source = "", expected = ""] = line.split("|");
    const wanted = expected.trimStart().split(",");
    if (wanted[0] === "error") assert.throws(() => expandWord(source.trim(), variables), isInvalidArgument, line);
    else assert.deepEqual(expandWord(source.trim(), variables).words, expected.replace(/^ +/, "").split(","), line);
  }
});

const TABLE: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
  ["${FOO-aaa} ${BAR-bbb} ${BAZ-ccc}", { FOO: "xxx", BAR: "" }, "xxx  ccc"],
  ["${FOO:-aaa} ${BAR:-bbb} ${BAZ:-ccc}", { FOO: "xxx", BAR: "" }, "xxx bbb ccc"],
  ["${FOO+aaa} ${BAR+bbb} ${BAZ+ccc}", { FOO: "xxx", BAR: "" }, "aaa bbb "],
  ["${FOO:+aaa} ${BAR:+bbb} ${BAZ:+ccc}", { FOO: "xxx", BAR: "" }, "aaa  "],
  ["${FOO#()[]{\\}^$.\\*\\?|\\\\}", { FOO: "()[]{}^$.*?|\\x" }, "x"],
  ["${FOO%%\\**}", { FOO: "xx**" }, "xx"],
  ["${FOO#*x*y}", { FOO: "xxyy" }, "y"],
  ["${FOO#*}", { FOO: "xxyy" }, "xxyy"],
  ["${FOO#$BAR}", { FOO: "xxyy", BAR: "x" }, "xyy"],
  ["${FOO##*x}", { FOO: "xxyy" }, "yy"],
  ["${FOO#?\\?}", { FOO: "???y" }, "?y"],
  ["${ABC:-.}${FOO%x}${ABC:-.}", { FOO: "xxyy" }, ".xxyy."],
  ["${FOO%%\\**\\*}", { FOO: "a***yy*" }, "a"],
  ["${FOO/$NEEDLE/.} - ${FOO//$NEEDLE/.}", { FOO: "/foo*/*/*.txt", NEEDLE: "\\*/" }, "/foo.*/*.txt - /foo..*.txt"],
  ["${FOO/$N/} - ${FOO//$N/}", { FOO: "/tmp/tmp/bar.txt", N: "/tmp" }, "/tmp/bar.txt - /bar.txt"],
  ["${FOO/$N/$R} - ${FOO//$N/$R}", { FOO: "/a/foo/b/c.txt", N: "/?/", R: "/" }, "/foo/b/c.txt - /foo/c.txt"],
  ["${FOO//\\//\\/}", { FOO: "/tmp/foo.txt" }, "\\/tmp\\/foo.txt"],
  ["${FOO/$BAR/ww}", { FOO: "xxyy", BAR: "" }, "wwxxyy"],
  ["${FOO//$BAR/-}", { FOO: "ab", BAR: "" }, "-a-b-"],
  ["a-${V}${W:+-${W}}.gz", { V: "1", W: "v7" }, "a-1-v7.gz"],
];

test("expansion: modifiers", () => {
  for (const [word, variables, expected] of TABLE) assert.equal(expand(word, variables), expected, word);
});

test("expansion: wrong ones in BuildKit's words", () => {
  const wrong = (word: string, variables: Readonly<Record<string, string>> = {}): string => {
    try {
      return `no error: ${expand(word, variables)}`;
    } catch (error) {
      return messageOf(error).replace(/^failed to process "(?:[^"\\]|\\.)*": /, "");
    }
  };
  assert.equal(wrong("${V:?message here$A}", { A: "x", V: "" }), "V: message herex");
  assert.equal(wrong("${V?}"), "V: is not allowed to be unset");
  assert.equal(wrong("${V:?}", { V: "" }), "V: is not allowed to be empty");
  assert.equal(wrong("${V=a}"), "unsupported modifier (=) in substitution");
  assert.equal(wrong("${V:#}"), "unsupported modifier (:#) in substitution");
  assert.equal(wrong("${}"), "syntax error: bad substitution");
  assert.equal(wrong("${V:-a"), "syntax error: missing '}'");
  assert.equal(wrong("${V//ww}"), "syntax error: missing '/' in ${}");
  assert.equal(wrong("${V#\\x}", { V: "a" }), "invalid pattern (\\x) in substitution: invalid escape '\\x'");
  assert.equal(wrong('"a'), "unexpected end of statement while looking for matching double-quote");
});

test("expansion: tells what was used", () => {
  const { matched, unmatched } = expandWord("$a ${b:-$c} '$d'", new Map([["a", ""]]));
  assert.deepEqual([...matched], ["a"]);
  assert.deepEqual([...unmatched].sort(), ["b", "c"]);
});

test("expansion: other escape, kept quotes, contents of heredocs", () => {
  assert.equal(expand("`$a\\$a", { a: "1" }, { escape: "`" }), "$a\\1");
  assert.equal(expand(`"a" 'b'`, {}, { rawQuotes: true }), `"a" 'b'`);
  assert.equal(expand(`it's "$a"`, { a: "1" }, { ignoreQuotes: true }), `it's "1"`);
  assert.equal(expand("$a ${b:-c}", {}, { keepUnset: true }), "$a ${b:-c}");
});

test("expansion: what would grow or take without end is refused", () => {
  const refused = (word: string, value: string): void => {
    assert.throws(() => expand(word, { a: value }), isInvalidArgument);
  };
  refused("$a$a$a", "x".repeat(500_000));
  refused("${x:-".repeat(1000), "");
  refused(`\${a/${"*x".repeat(200)}y/}`, "x".repeat(60_000));
});

test("expansion: any text expands or is refused; without `$`, quotes and escapes nothing changes", () => {
  const piece = fc.constantFrom("$", "{", "}", "a", ":", "-", "#", "%", "/", "*", "?", "\\", '"', "'", " ", "<<");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const word = pieces.join("");
      try {
        const { words } = expandWord(word, new Map([["a", "a*b/c"]]));
        assert.ok(!words.includes(""));
      } catch (error) {
        assert.ok(isInvalidArgument(error), String(error));
      }
      const plain = word.replace(/[$\\"']/g, "");
      assert.equal(expand(plain), plain);
    }),
  );
});
