import assert from "node:assert/strict";
import { test } from "node:test";
import { randomName } from "./randomName.ts";

test("random name: two words that clients accept as a name", () => {
  for (let attempt = 0; attempt < 50; attempt += 1)
    assert.match(
      randomName(() => false),
      /^[a-z]+_[a-z]+$/,
    );
});

test("random name: a number is added when plain names are taken", () => {
  assert.match(
    randomName((name) => !/\d$/.test(name)),
    /^[a-z]+_[a-z]+\d+$/,
  );
});
