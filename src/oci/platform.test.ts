import assert from "node:assert/strict";
import { test } from "node:test";
import { isInvalidArgument } from "#errors";
import { formatPlatform, hostPlatform, parsePlatform, platformRank } from "./platform.ts";

const HOST = hostPlatform();

/** Specifier → normal form (facts of containerd's platforms package). */
const NORMAL: readonly (readonly [text: string, formatted: string])[] = [
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["Linux/AMD64", "linux/amd64"],
  ["linux/amd64/v1", "linux/amd64"],
  ["linux/amd64/v3", "linux/amd64/v3"],
  ["linux/aarch64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm64/8", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/arm/6", "linux/arm/v6"],
  ["linux/arm/V5", "linux/arm/v5"],
  ["linux/armhf", "linux/arm/v7"],
  ["linux/armel", "linux/arm/v6"],
  ["linux/i386", "linux/386"],
  ["macos/arm64", "darwin/arm64"],
  ["windows/amd64", "windows/amd64"],
  ["linux/unheard-of", "linux/unheard-of"],
  ["arm64", `${HOST.os}/arm64`],
  ["x86_64", `${HOST.os}/amd64`],
  ["windows", `windows/${HOST.architecture}`],
];

for (const [text, formatted] of NORMAL) {
  test(`parsePlatform: ${text} is ${formatted}`, () => {
    assert.equal(formatPlatform(parsePlatform(text)), formatted);
    assert.deepEqual(parsePlatform(formatted), parsePlatform(text));
  });
}

const REFUSED: readonly (readonly [text: string, message: RegExp])[] = [
  ["foo", /^"foo": unknown operating system or architecture: invalid argument$/],
  ["linux/*", /^"linux\/\*": wildcards not yet supported: invalid argument$/],
  ["a/b/c/d", /^"a\/b\/c\/d": cannot parse platform specifier: invalid argument$/],
  ["linux/", /^"" is an invalid component of "linux\/": platform specifier component must match/],
  ["", /^"" is an invalid component of ""/],
  ["linux/am d64", /^"am d64" is an invalid component/],
];

for (const [text, message] of REFUSED) {
  test(`parsePlatform: refuses ${JSON.stringify(text)} in containerd's words`, () => {
    assert.throws(
      () => parsePlatform(text),
      (error: unknown) => isInvalidArgument(error) && message.test((error as Error).message),
    );
  });
}

function bestOf(want: string, have: readonly string[]): string | undefined {
  const ranked = have.flatMap((text) => {
    const rank = platformRank(parsePlatform(want), parsePlatform(text));
    return rank === undefined ? [] : [{ text, rank }];
  });
  return ranked.sort((a, b) => a.rank - b.rank)[0]?.text;
}

test("platformRank: takes the nearest lower variant, never a higher one", () => {
  const arms = ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7"];
  assert.equal(bestOf("linux/arm/v7", arms), "linux/arm/v7");
  assert.equal(bestOf("linux/arm/v6", arms), "linux/arm/v6");
  assert.equal(bestOf("linux/arm/v5", ["linux/arm/v7"]), undefined);
  assert.equal(bestOf("linux/amd64", ["linux/amd64/v2"]), undefined);
  assert.equal(bestOf("linux/amd64/v3", ["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"]), "linux/amd64/v2");
});

test("platformRank: a 64-bit machine takes its 32-bit sibling when nothing better is there", () => {
  assert.equal(bestOf("linux/arm64", ["linux/arm/v6", "linux/arm/v7"]), "linux/arm/v7");
  assert.equal(bestOf("linux/arm64", ["linux/arm/v7", "linux/arm64"]), "linux/arm64");
  assert.equal(bestOf("linux/amd64", ["linux/386"]), "linux/386");
  assert.equal(bestOf("linux/amd64", ["linux/386", "linux/amd64"]), "linux/amd64");
  assert.equal(bestOf("linux/386", ["linux/amd64"]), undefined);
});

test("platformRank: spellings are equal, operating systems and architectures are not", () => {
  const amd64 = parsePlatform("linux/amd64");
  assert.equal(platformRank(amd64, { os: "Linux", architecture: "x86_64", variant: "" }), 0);
  assert.equal(platformRank(amd64, { os: "linux", architecture: "amd64", variant: "v1" }), 0);
  assert.equal(platformRank(amd64, { os: "windows", architecture: "amd64" }), undefined);
  assert.equal(platformRank(amd64, { os: "linux", architecture: "s390x" }), undefined);
  assert.equal(platformRank(parsePlatform("linux/arm/v7"), { os: "linux", architecture: "arm", variant: "" }), 0);
  assert.equal(platformRank(parsePlatform("linux/arm64"), { os: "linux", architecture: "arm64", variant: "v8" }), 0);
});

test("hostPlatform: is Linux or this system's, in Go's words", () => {
  assert.equal(platformRank(HOST, HOST), 0);
  assert.ok(!["x64", "ia32", "x86_64"].includes(HOST.architecture));
});
