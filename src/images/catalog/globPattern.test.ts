import assert from "node:assert/strict";
import { test } from "node:test";
import { globPattern } from "./globPattern.ts";

/** From the table of Go's path/match_test.go. */
const CASES: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ["abc", "abc", true],
  ["*", "abc", true],
  ["*c", "abc", true],
  ["a*", "a", true],
  ["a*", "abc", true],
  ["a*", "ab/c", false],
  ["a*/b", "abc/b", true],
  ["a*/b", "a/c/b", false],
  ["a*b*c*d*e*/f", "axbxcxdxe/f", true],
  ["a*b*c*d*e*/f", "axbxcxdxexxx/fff", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^b-d]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["a?b", "a☺b", true],
  ["a[^a]b", "a☺b", true],
  ["a?b", "a/b", false],
  ["a*b", "a/b", false],
  ["[\\]a]", "]", true],
  ["[\\-]", "-", true],
  ["[x\\-]", "z", false],
  ["*/*/three*", "127.0.0.1:5000/imgroom/three:a", true],
  ["127.0.0.1:5000/imgroom/*", "127.0.0.1:5000/imgroom/three:a", true],
  ["nginx", "nginxx", false],
  ["a.c", "abc", false],
  ["a[z-a]b", "azb", false],
  ["(a|b)+$", "(a|b)+$", true],
];

for (const [pattern, text, matches] of CASES) {
  test(`globPattern: ${pattern} ${matches ? "matches" : "does not match"} ${text}`, () => {
    assert.equal(globPattern(pattern).test(text), matches);
  });
}

for (const pattern of ["[-]", "[x-]", "[a-b-c]", "[", "[a", "[]a]", "a\\", "[^bc", "a["]) {
  test(`globPattern: refuses ${JSON.stringify(pattern)} as Go does`, () => {
    assert.throws(() => globPattern(pattern), { message: "syntax error in pattern", category: "invalid_argument" });
  });
}
