import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, property, string } from "fast-check";
import { parseChallenges } from "./challenge.ts";
import { parseRetryAfter } from "./retry.ts";
import { mergeScopes } from "./scope.ts";

for (const [header, expected] of [
  [undefined, []],
  ["", []],
  ['Basic realm="a b"', [["basic", { realm: "a b" }]]],
  [
    'Bearer realm="https://a/t",service="s",scope="repository:x:pull,push"',
    [["bearer", { realm: "https://a/t", service: "s", scope: "repository:x:pull,push" }]],
  ],
  ['Bearer  Realm = "q\\"q" , x=tok', [["bearer", { realm: 'q"q', x: "tok" }]]],
  [
    'Basic realm="a", Bearer realm="b"',
    [
      ["basic", { realm: "a" }],
      ["bearer", { realm: "b" }],
    ],
  ],
  [
    "Negotiate, Basic realm=x",
    [
      ["negotiate", {}],
      ["basic", { realm: "x" }],
    ],
  ],
  ['Bearer realm="first",realm="second"', [["bearer", { realm: "first" }]]],
] as const) {
  test(`parseChallenges: ${header ?? "no header"}`, () => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }]);
    assert.deepEqual(found, expected);
  });
}

test("parseChallenges: ends and never throws, whatever the header", () => {
  check(property(string({ unit: "binary-ascii" }), (header) => Array.isArray(parseChallenges(header))));
});

test("mergeScopes: joins the actions of a resource and sorts", () => {
  const scopes = ["repository:b:push,pull", "repository:a:pull", "repository:b:pull repository:a:delete"];
  assert.deepEqual(mergeScopes(scopes), ["repository:a:delete,pull", "repository:b:pull,push"]);
});

test("parseRetryAfter: reads seconds and dates; nonsense counts as none", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(parseRetryAfter("3", now), 3000);
  assert.equal(parseRetryAfter("Thu, 01 Jan 2026 00:00:10 GMT", now), 10_000);
  assert.equal(parseRetryAfter("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
  assert.equal(parseRetryAfter("soon", now), undefined);
  assert.equal(parseRetryAfter(undefined, now), undefined);
});
