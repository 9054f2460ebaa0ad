import assert from "node:assert/strict";
import { test } from "node:test";
import { compileListFilters, compilePruneFilters } from "./filters.ts";
import type { Filterable } from "./filters.ts";

function volume(name: string, labels: Readonly<Record<string, string>> = {}, isHeld = false): Filterable {
  return { isHeld, record: { version: 1, name, driver: "local", createdAt: "", labels, options: null } };
}

const ALL = [volume("web", { a: "b" }), volume("vv", { a: "c", d: "" }, true), volume("x1")];

function names(filters: Readonly<Record<string, readonly string[]>>): readonly string[] {
  const matches = compileListFilters(new Map(Object.entries(filters)));
  return ALL.filter(matches).map(({ record }) => record.name);
}

test("volume filters: name is a regular expression, driver a name", () => {
  assert.deepEqual(names({ name: ["v.*v", "^x"] }), ["vv", "x1"]);
  assert.deepEqual(names({ name: ["["] }), []);
  assert.deepEqual(names({ driver: ["nope"] }), []);
  assert.deepEqual(names({ driver: ["local", "nope"] }).length, 3);
});

test("volume filters: labels must all hold", () => {
  assert.deepEqual(names({ label: ["a"] }), ["web", "vv"]);
  assert.deepEqual(names({ label: ["a=b"] }), ["web"]);
  assert.deepEqual(names({ label: ["a", "d"] }), ["vv"]);
});

test("volume filters: dangling is what no container holds", () => {
  assert.deepEqual(names({ dangling: ["true"] }), ["web", "x1"]);
  assert.deepEqual(names({ dangling: ["0"] }), ["vv"]);
});

test("volume filters: Docker's words for what is none", () => {
  const list = (key: string, value: string): unknown => compileListFilters(new Map([[key, [value]]]));
  assert.throws(() => list("dangling", "x"), { message: "invalid filter 'dangling=[x]'" });
  assert.throws(() => list("foo", "x"), { category: "invalid_argument", message: "invalid filter 'foo'" });
  assert.throws(() => compilePruneFilters(new Map([["name", ["x"]]])), { message: "invalid filter 'name'" });
  assert.throws(() => compilePruneFilters(new Map([["all", ["x"]]])), {
    message: `invalid filter 'all': strconv.ParseBool: parsing "x": invalid syntax`,
  });
});

test("volume filters: a prune takes labels that hold and leaves those that must not", () => {
  const { matches, all } = compilePruneFilters(
    new Map([
      ["label", ["a"]],
      ["label!", ["d"]],
      ["all", ["true"]],
    ]),
  );
  assert.equal(all, true);
  assert.deepEqual(
    ALL.filter(matches).map(({ record }) => record.name),
    ["web"],
  );
});
