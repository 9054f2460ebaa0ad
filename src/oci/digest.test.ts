import assert from "node:assert/strict";
import { test } from "node:test";
import { isInvalidArgument } from "#errors";
import {
  algorithmOf,
  chainIdOf,
  chainIdsOf,
  digestOf,
  hexOf,
  isDigest,
  parseChainId,
  parseDiffId,
  parseDigest,
} from "./digest.ts";

const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

test("digestOf: is sha256 of bytes and of text as UTF-8", () => {
  assert.equal(digestOf(""), EMPTY);
  assert.equal(digestOf("ä"), digestOf(new Uint8Array([0xc3, 0xa4])));
});

test("parseDigest: takes whole sha256 and sha512 digests", () => {
  assert.equal(parseDigest(EMPTY), EMPTY);
  const long = `sha512:${"0a".repeat(64)}`;
  assert.equal(parseDigest(long), long);
  assert.deepEqual([algorithmOf(parseDigest(long)), algorithmOf(parseDigest(EMPTY))], ["sha512", "sha256"]);
  assert.equal(hexOf(parseDigest(EMPTY)), EMPTY.slice(7));
});

test("parseDigest: refuses anything else", () => {
  const hex = "a".repeat(64);
  for (const text of [
    "",
    hex,
    `sha256:${hex}a`,
    `sha256:${hex.slice(1)}`,
    `sha256:${hex.toUpperCase()}`,
    `SHA256:${hex}`,
    `md5:${hex}`,
    `sha512:${hex}`,
    `sha256:${hex}\n`,
    `../sha256:${hex}`,
  ]) {
    assert.ok(!isDigest(text), text);
    for (const parse of [parseDigest, parseDiffId, parseChainId])
      assert.throws(() => parse(text), isInvalidArgument, text);
  }
});

test("parseDigest: names a hostile text only in part", () => {
  assert.throws(
    () => parseDigest("x".repeat(10_000)),
    (error: Error) => error.message.length < 200,
  );
});

test("chainIdsOf: names every prefix of a stack, base first (image-spec config.md, layer-chainid)", () => {
  const [a, b, c] = ["a", "b", "c"].map((text) => parseDiffId(digestOf(text)));
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const [one, two, three] = chainIdsOf([a, b, c]);
  assert.equal(one, a);
  assert.equal(two, digestOf(`${a} ${b}`));
  assert.equal(three, digestOf(`${two} ${c}`));
  assert.equal(chainIdOf([a, b, c]), three);
});

test("chainIdOf: is undefined for an image without layers", () => {
  assert.equal(chainIdOf([]), undefined);
});
