import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { EngineError, ERROR_CATEGORIES, isInvalidArgument } from "#errors";
import type { Exchange } from "./exchange.ts";
import { httpStatusOf } from "./httpStatus.ts";
import { progressText } from "./progressStream.ts";
import { credentialsOf, newNameOf, parseAuthConfig, parseFilters, parseTimestamp, platformOf } from "./query.ts";
import { createRouter } from "./router.ts";
import { frameHeader } from "./stdcopy.ts";
import { LATEST, splitVersion } from "./version.ts";

const exchange = (query: string, headers: Record<string, string> = {}): Exchange =>
  ({ query: new URLSearchParams(query), request: { headers } as unknown as IncomingMessage }) as Exchange;

test("parseFilters: reads both wire forms; false is no value", () => {
  assert.deepEqual(parseFilters('{"label":["a","b=c"]}'), new Map([["label", ["a", "b=c"]]]));
  assert.deepEqual(parseFilters('{"label":{"a":true,"b":false}}'), new Map([["label", ["a"]]]));
  assert.deepEqual(parseFilters(null), new Map());
  assert.deepEqual(parseFilters("{}"), new Map());
});

test("parseFilters: refuses everything else as Docker does", () => {
  for (const text of ["{xx", "[]", '{"a":"b"}', '{"a":[1]}', "null", "7"])
    assert.throws(() => parseFilters(text), { message: "invalid filter", category: "invalid_argument" });
});

test("parseTimestamp: is exact to the nanosecond", () => {
  assert.equal(parseTimestamp("1700000000.123456789"), 1_700_000_000_123_456_789n);
  assert.equal(parseTimestamp("1700000000.5"), 1_700_000_000_500_000_000n);
  assert.equal(parseTimestamp("0"), 0n);
  assert.equal(parseTimestamp(""), undefined);
  assert.equal(parseTimestamp(null), undefined);
  for (const text of ["x", "1e9", "1.", "2024-01-01"]) assert.throws(() => parseTimestamp(text), isInvalidArgument);
});

test("platformOf: takes text and JSON", () => {
  assert.deepEqual(platformOf(exchange("platform=linux/arm64/v8")), {
    platform: { os: "linux", architecture: "arm64" },
  });
  const json = encodeURIComponent('{"os":"linux","architecture":"arm","variant":"v6"}');
  assert.deepEqual(platformOf(exchange(`platform=${json}`)), {
    platform: { os: "linux", architecture: "arm", variant: "v6" },
  });
  assert.deepEqual(platformOf(exchange("platform=")), {});
  for (const text of ["{", '{"os":1}', "a/b/c/d"])
    assert.throws(() => platformOf(exchange(`platform=${encodeURIComponent(text)}`)), isInvalidArgument);
});

test("credentialsOf: reads base64url of AuthConfig, padded or not, in either alphabet", () => {
  const text = JSON.stringify({ username: "me?>", password: "ü~~", serveraddress: "x" });
  for (const header of [Buffer.from(text).toString("base64url"), Buffer.from(text).toString("base64")])
    assert.deepEqual(credentialsOf(exchange("", { "x-registry-auth": header })), {
      credentials: { username: "me?>", password: "ü~~" },
    });
});

test("credentialsOf: a malformed or empty header counts as none", () => {
  for (const header of ["", "!!!", "e30", "bnVsbA", Buffer.from("{bad").toString("base64url")])
    assert.deepEqual(credentialsOf(exchange("", { "x-registry-auth": header })), {});
});

test("parseAuthConfig: takes tokens without a user", () => {
  assert.deepEqual(parseAuthConfig({ identitytoken: "t" }), { identityToken: "t" });
  assert.deepEqual(parseAuthConfig({ registrytoken: "t", username: "" }), { registryToken: "t" });
  assert.equal(parseAuthConfig([]), undefined);
});

test("newNameOf: adds latest, takes the tag apart, knows when nothing is named", () => {
  assert.deepEqual(newNameOf(exchange("repo=a&tag=b")), { domain: "docker.io", path: "library/a", tag: "b" });
  assert.deepEqual(newNameOf(exchange("repo=a")), { domain: "docker.io", path: "library/a", tag: "latest" });
  assert.equal(newNameOf(exchange("tag=b")), undefined);
});

test("splitVersion: tells version and path apart", () => {
  assert.deepEqual(splitVersion("/v1.45/images/json"), { version: 1045, path: "/images/json" });
  assert.deepEqual(splitVersion("/images/json"), { version: LATEST, path: "/images/json" });
  assert.deepEqual(splitVersion("/vector/x"), { version: LATEST, path: "/vector/x" });
  assert.ok(splitVersion("/v1.9999999/x".replace("9999999", "24")).version < splitVersion("/v1.30/x").version);
  for (const path of ["/v0.9/x", "/v1.23/x", "/v2.0/x", "/v1/x"])
    assert.throws(() => splitVersion(path), isInvalidArgument);
});

test("router: a name may hold slashes, given or escaped; the first route that fits wins", () => {
  const find = createRouter([
    ["GET", "/images/json", () => undefined],
    ["GET", "/images/:name/json", () => undefined],
    ["GET", "/a/:x/b/:y", () => undefined],
  ]);
  assert.deepEqual(find("GET", "/images/json")?.params, {});
  assert.deepEqual(find("GET", "/images/a/b%2Fc:d/json")?.params, { name: "a/b/c:d" });
  assert.deepEqual(find("GET", "/a/1/b/2")?.params, { x: "1", y: "2" });
  assert.equal(find("POST", "/images/json"), undefined);
  assert.equal(find("GET", "/images/json/"), undefined);
  assert.throws(() => find("GET", "/images/%/json"), isInvalidArgument);
});

test("frameHeader: is stream, three zeros, length", () => {
  assert.deepEqual([...frameHeader("stdout", 2)], [1, 0, 0, 0, 0, 0, 0, 2]);
  assert.deepEqual([...frameHeader("stderr", 0)], [2, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...frameHeader("stdout", 70_000)], [1, 0, 0, 0, 0, 1, 17, 112]);
});

const bar = (filled: number): string => `[${"=".repeat(filled)}>${" ".repeat(50 - filled)}] `;
/** JSONProgress.String of moby's pkg/jsonmessage, for a terminal that is wide enough. */
const BARS: readonly (readonly [detail: Parameters<typeof progressText>[0], text: string | undefined])[] = [
  [{}, undefined],
  [{ current: 0, total: 0 }, undefined],
  [{ current: 1 }, "      1B"],
  [{ current: 0, total: 100 }, `${bar(0)}      0B/100B`],
  [{ current: 20, total: 100 }, `${bar(10)}     20B/100B`],
  [{ current: 50, total: 100 }, `${bar(25)}     50B/100B`],
  [{ current: 100, total: 100 }, `${bar(50)}    100B/100B`],
  [{ current: 40, total: 30 }, `${bar(50)}     40B`],
  [{ current: 1234567, total: 29150000 }, `${bar(2)} 1.235MB/29.15MB`],
  [{ current: 999_960, total: 1_000_000 }, `${bar(49)}  1000kB/1MB`],
  [{ current: 5, total: 10, units: "layers" }, `${bar(25)}5/10 layers`],
  [{ current: 5, units: "layers" }, "5 layers"],
  [{ current: 12, total: 10, units: "layers" }, `${bar(50)}12 layers`],
  [{ current: 5, total: 10, hidecounts: true }, bar(25)],
];

for (const [detail, text] of BARS) {
  test(`progressText: ${JSON.stringify(detail)} is drawn as jsonmessage draws it`, () => {
    assert.equal(progressText(detail), text);
  });
}

test("httpStatusOf: every category has Docker's status", () => {
  const status = Object.fromEntries(
    ERROR_CATEGORIES.map((name) => [name, httpStatusOf(new EngineError(name, "X", "x"))]),
  );
  assert.deepEqual(
    [
      status["not_found"],
      status["invalid_argument"],
      status["conflict"],
      status["unauthenticated"],
      status["permission_denied"],
    ],
    [404, 400, 409, 401, 403],
  );
  assert.deepEqual(
    [status["not_implemented"], status["unavailable"], status["not_modified"], status["failed_precondition"]],
    [501, 503, 304, 412],
  );
  assert.equal(httpStatusOf(new Error("bug")), 500);
});
