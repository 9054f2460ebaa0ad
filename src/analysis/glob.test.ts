import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { compileGlob } from "#analysis";
import { hasCode } from "#errors";

function check(pattern: string, yes: readonly string[], no: readonly string[]): void {
  const matches = compileGlob(pattern);
  for (const path of yes) assert.ok(matches(path), `${pattern} should match ${path}`);
  for (const path of no) assert.ok(!matches(path), `${pattern} should not match ${path}`);
}

test("glob: without a slash it is tried on names", () => {
  check("*.pem", ["a.pem", "etc/ssl/b.pem", "d/.pem"], ["pem", "a.pem/x", "a.pem2"]);
  check("passwd", ["passwd", "etc/passwd"], ["etc/passwd-", "xpasswd"]);
  check("?", ["a", "b/c"], ["ab", "b/cd"]);
});

test("glob: with a slash it is tried on the whole path", () => {
  check("/etc/*", ["etc/passwd"], ["etc/ssl/x", "usr/etc/passwd", "etc"]);
  check("etc/*/x", ["etc/a/x"], ["etc/a/b/x", "etc/x"]);
  check("/passwd", ["passwd"], ["etc/passwd"]);
});

test("glob: ** passes over directories", () => {
  check("**/x", ["x", "a/x", "a/b/x"], ["ax", "a/bx", "x/a"]);
  check("a/**/x", ["a/x", "a/b/x", "a/b/c/x"], ["a/bx", "x", "ba/x"]);
  check("a/**", ["a/b", "a/b/c"], ["ab", "b/a/c"]);
  check("**/b/**/d", ["b/d", "a/b/c/c/d"], ["b/cd", "ab/d"]);
  check("a**/x", ["a/x", "abc/x"], ["a/b/x"]);
  check("**", ["a", "a/b/c"], []);
});

test("glob: sets, ranges, braces and escapes", () => {
  check("[a-c]x", ["ax", "cx"], ["dx", "-x"]);
  check("[!a-c]x", ["dx"], ["ax"]);
  check("[^/]x", ["ax"], []);
  check("[]a]", ["]", "a"], ["b"]);
  check("[a\\]]", ["]", "a"], ["\\"]);
  check("*.{so,so.*}", ["a.so", "a.so.1.2"], ["a.sox", "so"]);
  check("{a,b{c,d}}x", ["ax", "bcx", "bdx"], ["bx", "cx"]);
  check("\\*", ["*"], ["a"]);
  check("a\\{b", ["a{b"], ["ab"]);
  check("a,b}", ["a,b}"], []);
});

test("glob: a pattern that is none, or too much, is refused", () => {
  for (const pattern of ["[a", "{a,b", "x".repeat(5000), "{a,b}".repeat(9), "[\\]"]) {
    assert.throws(
      () => compileGlob(pattern),
      (error) => hasCode(error, "INVALID_FLAG"),
      pattern,
    );
  }
});

test("glob: the worst pattern ends", () => {
  const matches = compileGlob(`${"*a".repeat(200)}*b`);
  assert.equal(matches("a".repeat(4000)), false);
  assert.equal(compileGlob("**/".repeat(100) + "x?")(`${"a/".repeat(1000)}x`), false);
});

test("glob: equals a regular expression, for any small pattern", () => {
  const piece = fc.constantFrom("a", "b", "*", "?", "/", "**/", "[ab]");
  fc.assert(
    fc.property(
      fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `/${pieces.join("")}`),
      fc.array(fc.constantFrom("a", "b", "ab", "ba"), { minLength: 1, maxLength: 4 }).map((names) => names.join("/")),
      (pattern, path) => {
        // Doubled slashes and "***" have no meaning that both share.
        fc.pre(!/\/\/|\*\*\*|[^/]\*\*|\*\*[^/]|\*\*$/.test(pattern));
        const source = pattern
          .slice(1)
          .replaceAll(/\*\*\/|\*|\?/g, (found) => ({ "**/": "(?:[^/]+/)*", "*": "[^/]*" })[found] ?? "[^/]");
        assert.equal(compileGlob(pattern)(path), new RegExp(`^${source}$`).test(path), `${pattern} on ${path}`);
      },
    ),
    { numRuns: 2000 },
  );
});

test("glob: any text is a pattern or refused", () => {
  const piece = fc.constantFrom("a", "*", "**", "?", "[", "]", "{", "}", ",", "\\", "/", "!", "-", "é");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.string({ maxLength: 12 }), (pieces, path) => {
      try {
        assert.equal(typeof compileGlob(pieces.join(""))(path), "boolean");
      } catch (error) {
        assert.ok(hasCode(error, "INVALID_FLAG"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
