import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { decodeError, encodeError } from "./encode.ts";
import { EngineError, ERROR_CATEGORIES, findEngineError, isEngineError } from "./engineError.ts";

test("encodeError: gives back an equal error after JSON", () => {
  for (const category of ERROR_CATEGORIES) {
    const error = new EngineError(category, "SOME_CODE", "what failed", { details: { size: 7 }, hint: "do this" });
    const back = decodeError(JSON.parse(JSON.stringify(encodeError(error))));
    assert.ok(isEngineError(back));
    assert.deepEqual(
      [back.category, back.code, back.message, back.details, back.hint],
      [category, "SOME_CODE", "what failed", { size: 7 }, "do this"],
    );
  }
});

test("encodeError: keeps the message of the outer error and the category of the nearest EngineError", () => {
  const inner = new EngineError("data_loss", "DIGEST_MISMATCH", "inner");
  const back = decodeError(encodeError(new Error("outer", { cause: inner })));
  assert.equal(back.message, "outer");
  assert.equal(back.category, "data_loss");
});

test("encodeError: takes anything that can be thrown", () => {
  for (const value of [undefined, null, 5n, Symbol("s"), Object.create(null), { a: 1 }, "text"]) {
    assert.equal(encodeError(value).category, "internal");
  }
});

test("decodeError: makes internal of a category it does not know", () => {
  const data = { ...encodeError(new Error("x")), category: "weather" };
  // @ts-expect-error -- what another version of varve may send
  assert.equal(decodeError(data).category, "internal");
});

test("decodeError: keeps the stack of the far side at its cause", () => {
  const error = new EngineError("internal", "INTERNAL", "far");
  const back = decodeError(encodeError(error));
  assert.ok(back.cause instanceof Error);
  assert.equal(back.cause.stack, error.stack);
  assert.equal(findEngineError(back), back);
});

test("encodeError: crosses the border of a real worker", async () => {
  const home = JSON.stringify(import.meta.resolve("./index.ts"));
  const source = `import { parentPort } from "node:worker_threads";
    import { EngineError, encodeError } from ${home};
    parentPort.postMessage(encodeError(new EngineError("resource_exhausted", "NO_SPACE", "no space", { details: { path: "/x" } })));`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  const message = await new Promise<ReturnType<typeof encodeError>>((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
  await worker.terminate();
  const back = decodeError(message);
  assert.deepEqual([back.category, back.code, back.details], ["resource_exhausted", "NO_SPACE", { path: "/x" }]);
});
