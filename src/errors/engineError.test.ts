import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorCode } from "./codes.ts";
import {
  categoryOf,
  EngineError,
  ERROR_CATEGORIES,
  findEngineError,
  hasCode,
  isConflict,
  isEngineError,
  isNotFound,
  messageOf,
  wrapError,
} from "./engineError.ts";

const missing = new EngineError("not_found", ErrorCode.BLOB_NOT_FOUND, "no such blob", {
  details: { digest: "sha256:9f" },
  hint: "pull it again",
});

test("EngineError: carries category, code, message, details, hint and cause", () => {
  const cause = new Error("ENOENT");
  const error = new EngineError("internal", "INTERNAL", "broken", { cause });
  assert.equal(error.cause, cause);
  assert.equal(error.name, "EngineError");
  assert.ok(error instanceof Error);
  assert.ok(!("details" in error) || error.details === undefined);
  assert.deepEqual(missing.details, { digest: "sha256:9f" });
});

test("EngineError: has no cause property when none is given", () => {
  assert.ok(!Object.hasOwn(missing, "cause"));
});

test("isEngineError: answers by brand, also for a copy of the class", () => {
  const copy = Object.assign(new Error("far"), {
    category: "conflict",
    code: "X",
    [Symbol.for("varve.EngineError")]: true,
  });
  assert.ok(isEngineError(copy));
  for (const value of [undefined, null, "not_found", 7, {}, new Error("not_found")]) assert.ok(!isEngineError(value));
});

test("findEngineError: walks causes, ends at a cycle", () => {
  assert.equal(findEngineError(new Error("a", { cause: new Error("b", { cause: missing }) })), missing);
  const loop = new Error("loop");
  loop.cause = loop;
  assert.equal(findEngineError(loop), undefined);
});

test("categoryOf: is that of the nearest EngineError, internal for anything else", () => {
  assert.equal(categoryOf(new Error("x", { cause: missing })), "not_found");
  assert.equal(categoryOf(new TypeError("bug")), "internal");
  assert.equal(categoryOf(undefined), "internal");
});

test("isNotFound and hasCode: look at the nearest EngineError only", () => {
  const outer = new EngineError("conflict", ErrorCode.IMAGE_IN_USE, "in use", { cause: missing });
  assert.ok(isNotFound(missing) && hasCode(missing, ErrorCode.BLOB_NOT_FOUND));
  assert.ok(isConflict(outer) && !isNotFound(outer) && !hasCode(outer, ErrorCode.BLOB_NOT_FOUND));
});

test("wrapError: says what was being done and keeps category, code, details, hint and cause", () => {
  const wrapped = wrapError(missing, "pull nginx");
  assert.equal(wrapped.message, "pull nginx: no such blob");
  assert.equal(wrapped.category, "not_found");
  assert.equal(wrapped.code, ErrorCode.BLOB_NOT_FOUND);
  assert.deepEqual(wrapped.details, missing.details);
  assert.equal(wrapped.hint, "pull it again");
  assert.equal(wrapped.cause, missing);
});

test("wrapError: makes internal of what no room threw", () => {
  const wrapped = wrapError(new TypeError("x is not a function"), "save");
  assert.equal(wrapped.category, "internal");
  assert.equal(wrapped.code, "INTERNAL");
});

test("messageOf: joins the messages of an AggregateError that has none, as Node gives it for a refused connection", () => {
  const error = new AggregateError([
    new Error("connect ECONNREFUSED ::1:5000"),
    new Error("connect ECONNREFUSED 127.0.0.1:5000"),
  ]);
  assert.equal(messageOf(error), "connect ECONNREFUSED ::1:5000; connect ECONNREFUSED 127.0.0.1:5000");
});

test("messageOf: never throws and never is empty for an Error", () => {
  assert.equal(messageOf(new TypeError("")), "TypeError");
  assert.equal(messageOf(Object.create(null)), "unknown error");
  assert.equal(messageOf("text"), "text");
  assert.equal(messageOf(undefined), "undefined");
});

test("codes: every value equals its key; categories are unique", () => {
  for (const [key, value] of Object.entries(ErrorCode)) assert.equal(value, key);
  assert.equal(new Set(ERROR_CATEGORIES).size, ERROR_CATEGORIES.length);
});
