import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import type { ProgressMessage } from "#engineapi";
import { SharedWork } from "./sharedWork.ts";
import type { Participant, SharedRun } from "./sharedWork.ts";

/** Work that waits to be told its end, and ends early when nobody wants it. */
function heldWork(): { work: (run: SharedRun) => Promise<number>; runs: SharedRun[]; finish: (value: number) => void } {
  const gate = Promise.withResolvers<number>();
  const runs: SharedRun[] = [];
  const work = (run: SharedRun): Promise<number> => {
    runs.push(run);
    const given = Promise.withResolvers<never>();
    run.signal.addEventListener("abort", () => given.reject(new Error("given up")));
    return Promise.race([gate.promise, given.promise]);
  };
  return { work, runs, finish: gate.resolve };
}

function participant(signal?: AbortSignal): Participant & { readonly heard: ProgressMessage[] } {
  const heard: ProgressMessage[] = [];
  return { heard, signal, progress: (message) => void heard.push(message) };
}

test("shared work: runs once for all who ask meanwhile, and tells all of them", async () => {
  const shared = new SharedWork<number>();
  const { work, runs, finish } = heldWork();
  const [one, two] = [participant(), participant()];
  const both = Promise.all([shared.join("k", one, work), shared.join("k", two, work)]);
  await turn();
  runs[0]?.progress({ status: "hello" });
  finish(7);
  assert.deepEqual(await both, [7, 7]);
  assert.equal(runs.length, 1);
  assert.deepEqual([one.heard, two.heard], [[{ status: "hello" }], [{ status: "hello" }]]);
});

test("shared work: goes on for the second when the first leaves", async () => {
  const shared = new SharedWork<number>();
  const { work, runs, finish } = heldWork();
  const abort = new AbortController();
  const first = shared.join("k", participant(abort.signal), work);
  const second = shared.join("k", participant(), work);
  await turn();
  abort.abort();
  await assert.rejects(first, { category: "cancelled" });
  assert.equal(runs[0]?.signal.aborted, false);
  finish(1);
  assert.equal(await second, 1);
});

test("shared work: is given up when the last leaves; who comes then starts anew", async () => {
  const shared = new SharedWork<number>();
  const given = heldWork();
  const abort = new AbortController();
  const first = shared.join("k", participant(abort.signal), given.work);
  await turn();
  abort.abort();
  const next = heldWork();
  const second = shared.join("k", participant(), next.work);
  await assert.rejects(first, /given up/);
  next.finish(2);
  assert.equal(await second, 2);
  assert.equal(next.runs.length, 1);
});

test("shared work: a failure is everybody's and is forgotten", async () => {
  const shared = new SharedWork<number>();
  const fail = (): Promise<number> => Promise.reject(new Error("no"));
  await assert.rejects(shared.join("k", participant(), fail), /no/);
  assert.equal(await shared.join("k", participant(), () => Promise.resolve(3)), 3);
});
