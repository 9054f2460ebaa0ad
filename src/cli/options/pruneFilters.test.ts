import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigFile } from "#client";
import { pruneFilters, shownFilters } from "./pruneFilters.ts";

const config = (list: unknown): ConfigFile => ({
  path: "/nowhere/config.json",
  auths: {},
  credHelpers: {},
  httpHeaders: {},
  formats: {},
  raw: { pruneFilters: list },
});

test("prune filters: those of config.json are added, but not against the command line", () => {
  const given = { label: ["keep"], until: ["1h"] };
  assert.deepEqual(pruneFilters(config(["label!=keep", "label=other=1", "label=keep", "bad"]), given), {
    label: ["keep", "other=1"],
    until: ["1h"],
  });
  assert.equal(pruneFilters(config(undefined), given), given);
});

test("prune filters: the prompt shows known ones, sorted", () => {
  assert.deepEqual(shownFilters({ until: ["1h"], "label!": ["z"], label: ["x"], dangling: ["true"] }), [
    "label!=z",
    "label=x",
    "until=1h",
  ]);
});
