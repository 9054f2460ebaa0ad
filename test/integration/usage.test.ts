/** What containers use, through the real rooms: a runtime, cgroups, the host's ps. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StatsResponse } from "#containers";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );

describe("usage", () => {
  let rooms: ContainerRooms;
  let box = "";

  before(async () => {
    rooms = await openContainerRooms();
    box = await rooms.make({ Cmd: ["sh", "-c", "sleep 1000 & while :; do :; done"], HostConfig: { PidsLimit: 50 } });
    await rooms.containers.start(box);
    // The first sample may come before the shell has forked its sleep: wait for the process, not for a time.
    while ((await rooms.usage.top(box, "")).Processes?.length !== 2) await sleep(10);
  });
  after(async () => {
    await rooms.containers.remove(box, { force: true, volumes: false });
    await rooms[Symbol.asyncDispose]();
  });

  async function take(id: string, count: number, stream = true): Promise<StatsResponse[]> {
    const taken: StatsResponse[] = [];
    const stop = new AbortController();
    for await (const sample of rooms.usage.stats(id, { stream, oneShot: false, signal: stop.signal })) {
      taken.push(sample);
      if (taken.length === count) break;
    }
    return taken;
  }

  test("stats: each sample is compared with the one before", async () => {
    const [first, second] = await take(box, 2);
    assert.equal(at(first, "preread"), "0001-01-01T00:00:00Z");
    assert.equal(at(second, "preread"), at(first, "read"));
    assert.deepEqual(at(second, "precpu_stats"), at(first, "cpu_stats"));
    const used = (sample: unknown): number => Number(at(sample, "cpu_stats", "cpu_usage", "total_usage"));
    assert.ok(used(second) > used(first));
    assert.ok(Number(at(first, "memory_stats", "usage")) > 0);
    assert.equal(at(first, "pids_stats", "limit"), 50);
    assert.equal(at(first, "pids_stats", "current"), 2);
  });

  test("stats: one alone has a sample before it, many readers share a clock", async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => take(box, 5, false)));
    for (const samples of all) {
      assert.equal(samples.length, 1);
      assert.notEqual(at(samples[0], "preread"), "0001-01-01T00:00:00Z");
    }
    assert.equal(new Set(all.map(([sample]) => at(sample, "read"))).size, 1);
  });

  test("stats: a container that does not run has zeros, and goes on", async () => {
    const still = await rooms.make({ Cmd: ["true"] }, "still");
    for (const sample of await take(still, 2)) {
      assert.deepEqual([at(sample, "memory_stats"), at(sample, "name")], [{}, "/still"]);
    }
    await rooms.containers.remove(still, { force: true, volumes: false });
  });

  test("stats, top: an unknown container", async () => {
    await assert.rejects(take("nosuch", 1), { message: "No such container: nosuch" });
    await assert.rejects(rooms.usage.top("nosuch", ""), { message: "No such container: nosuch" });
  });

  test("top: the container's processes, by ps's own columns", async () => {
    const table = await rooms.usage.top(box, "");
    assert.deepEqual(table.Titles, ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    assert.deepEqual(table.Processes?.map((row) => row.at(-1)).sort(), [
      "sh -c sleep 1000 & while :; do :; done",
      "sleep 1000",
    ]);
    assert.equal((await rooms.usage.top(box, "-eo comm,pid")).Processes?.length, 2);
    assert.equal((await rooms.usage.top(box, "aux")).Titles.at(-1), "COMMAND");
    await assert.rejects(rooms.usage.top(box, "-o comm"), { message: "Couldn't find PID field in ps output" });
    await assert.rejects(rooms.usage.top(box, "-x --bogus"), { message: /^ps: error: / });
  });

  test("top: refused for a container that does not run", async () => {
    const still = await rooms.make({ Cmd: ["true"] });
    await assert.rejects(rooms.usage.top(still, ""), { message: `container ${still} is not running` });
    await rooms.containers.remove(still, { force: true, volumes: false });
  });
});
