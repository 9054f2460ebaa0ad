import assert from "node:assert/strict";
import { test } from "node:test";
import { goMatch } from "./goMatch.ts";

const MATCHES: readonly (readonly [pattern: string, name: string])[] = [
  ["abc", "abc"],
  ["*", ""],
  ["*", "abc"],
  ["*c", "abc"],
  ["a*", "abc"],
  ["a*/b", "abc/b"],
  ["a*b*c*d*e*/f", "axbxcxdxe/f"],
  ["a*b*c*d*e*/f", "axbxcxdxexxx/f"],
  ["a*b?c*x", "abxbbxdbxebxczzx"],
  ["ab[c]", "abc"],
  ["ab[b-d]", "abc"],
  ["ab[^e-g]", "abc"],
  ["a\\*b", "a*b"],
  ["a?b", "a☺b"],
  ["a?b", "a😀b"],
  ["a[^a]b", "a☺b"],
  ["[a-ζ]*", "α"],
  ["[\\]a]", "]"],
  ["[\\-x]", "-"],
  ["[x\\-]", "x"],
  ["*x", "xxx"],
  ["**", "abc"],
];
const DIFFERS: readonly (readonly [pattern: string, name: string])[] = [
  ["a*", "ab/c"],
  ["a*/b", "a/c/b"],
  ["a*b*c*d*e*/f", "axbxcxdxe/xxx/f"],
  ["a*b?c*x", "abxbbxdbxebxczzy"],
  ["ab[e-g]", "abc"],
  ["ab[^c]", "abc"],
  ["ab[^b-d]", "abc"],
  ["a\\*b", "ab"],
  ["a???b", "a☺b"],
  ["a[^a][^a][^a]b", "a☺b"],
  ["[a-ζ]*", "A"],
  ["a?b", "a/b"],
  ["a*b", "a/b"],
  ["[]a]", "]"],
  ["[-]", "-"],
  ["[x-]", "x"],
  ["[-x]", "x"],
  ["\\", "a"],
  ["[a-b-c]", "a"],
  ["[", "a"],
  ["[^", "a"],
  ["[^bc", "a"],
  ["a[", "a"],
  ["", "a"],
  ["a", ""],
];

test("wildcards: as Go's filepath.Match, what is malformed matches nothing", () => {
  for (const [pattern, name] of MATCHES) assert.ok(goMatch(pattern, name), `${pattern} matches ${name}`);
  for (const [pattern, name] of DIFFERS) assert.ok(!goMatch(pattern, name), `${pattern} does not match ${name}`);
});

test("wildcards: many stars take no time that grows beyond a square", () => {
  assert.ok(!goMatch(`${"a*".repeat(200)}b`, "a".repeat(5000)));
});
