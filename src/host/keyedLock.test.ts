import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { KeyedLock } from "./keyedLock.ts";

test("KeyedLock: work of one key runs in order of arrival, other keys go on", async () => {
  const lock = new KeyedLock();
  const events: string[] = [];
  const work = (name: string) => async (): Promise<string> => {
    events.push(`${name} begins`);
    await setImmediate();
    events.push(`${name} ends`);
    return name;
  };
  const results = await Promise.all([lock.run("a", work("a1")), lock.run("a", work("a2")), lock.run("b", work("b1"))]);
  assert.deepEqual(results, ["a1", "a2", "b1"]);
  assert.ok(events.indexOf("a1 ends") < events.indexOf("a2 begins"));
  assert.ok(events.indexOf("b1 begins") < events.indexOf("a1 ends"));
});

test("KeyedLock: a failure is its caller's alone", async () => {
  const lock = new KeyedLock();
  const failing = lock.run("a", () => Promise.reject(new RangeError("mine")));
  const next = lock.run("a", () => Promise.resolve("fine"));
  await assert.rejects(failing, RangeError);
  assert.equal(await next, "fine");
});
