import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventMessage } from "#engineapi";
import type { EventRecords } from "#metadata";
import { createEventBus, matchesEvent } from "./events.ts";
import type { EventSubscription } from "./events.ts";

interface World {
  readonly bus: ReturnType<typeof createEventBus>;
  readonly emit: (action: string) => void;
  /** Reads `count` events, or to the end. */
  readonly take: (options: Partial<EventSubscription>, count?: number) => Promise<readonly string[]>;
  now: bigint;
}

function createWorld(): World {
  const rows: { timeNanoseconds: bigint; document: string }[] = [];
  const records: EventRecords = {
    append: (row) => void rows.push(row),
    since: (time) => rows.filter((row) => row.timeNanoseconds >= time),
  };
  const world: { now: bigint } = { now: 1_000_000_000n };
  const bus = createEventBus(records, () => world.now);
  return Object.assign(world, {
    bus,
    emit: (action: string) =>
      bus.emit({ Type: "image", Action: action, Actor: { ID: "sha256:9f", Attributes: { name: "a:1" } } }),
    take: async (options: Partial<EventSubscription>, count = Number.POSITIVE_INFINITY) => {
      const actions: string[] = [];
      const subscription = { filters: new Map(), signal: new AbortController().signal, ...options };
      if (count === 0) return actions;
      for await (const event of bus.subscribe(subscription)) if (actions.push(event.Action) >= count) break;
      return actions;
    },
  });
}

test("events: without since, only what happens from now on", async () => {
  const world = createWorld();
  world.emit("old");
  const taken = world.take({}, 2);
  world.emit("one");
  world.emit("two");
  assert.deepEqual(await taken, ["one", "two"]);
  assert.equal(world.bus.listeners(), 0);
});

test("events: recorded ones come first, then live ones, each once and in order", async () => {
  const world = createWorld();
  world.emit("one");
  world.emit("two");
  const seen: string[] = [];
  for await (const { Action } of world.bus.subscribe({
    since: 0n,
    filters: new Map(),
    signal: new AbortController().signal,
  })) {
    seen.push(Action);
    if (Action === "one") world.emit("three");
    if (Action === "three") world.emit("four");
    if (Action === "four") break;
  }
  assert.deepEqual(seen, ["one", "two", "three", "four"]);
});

test("events: times go up even when the clock stands or goes back", async () => {
  const world = createWorld();
  world.emit("one");
  world.emit("two");
  world.now = 5n;
  world.emit("three");
  assert.deepEqual(await world.take({ since: 1_000_000_001n }, 2), ["two", "three"]);
});

test("events: since and until are inclusive, and a range in the past ends by itself", async () => {
  const world = createWorld();
  for (const action of ["one", "two", "three"]) {
    world.emit(action);
    world.now += 10n;
  }
  world.now = 2_000_000_000n;
  assert.deepEqual(await world.take({ since: 1_000_000_010n, until: 1_000_000_010n }), ["two"]);
  assert.deepEqual(await world.take({ until: 1_000_000_010n }), []);
});

test("events: ends at until, without what comes after it", async () => {
  const world = createWorld();
  const until = world.now + 5_000_000n;
  const taken = world.take({ until });
  world.emit("in");
  world.now = until;
  world.emit("last");
  world.now = until + 1n;
  world.emit("late");
  assert.deepEqual(await taken, ["in", "last"]);
});

test("events: an until that is years away neither ends at once nor holds the process", async () => {
  const world = createWorld();
  const taken = world.take({ until: world.now + 10n ** 18n }, 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  world.emit("one");
  assert.deepEqual(await taken, ["one"]);
});

test("events: end with the subscriber's signal and leave no listener", async () => {
  const world = createWorld();
  const controller = new AbortController();
  const taken = world.take({ signal: controller.signal });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(world.bus.listeners(), 1);
  controller.abort();
  assert.deepEqual(await taken, []);
  assert.equal(world.bus.listeners(), 0);
});

test("events: a long subscription adds no listeners to its signal", async () => {
  const world = createWorld();
  const warnings: string[] = [];
  const warn = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", warn);
  const taken = world.take({}, 40);
  for (let count = 0; count < 40; count += 1) {
    world.emit(String(count));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await taken).length, 40);
  process.off("warning", warn);
  assert.deepEqual(warnings, []);
});

test("events: a subscriber that does not read loses the oldest, beyond 10,000", async () => {
  const world = createWorld();
  const live = world.bus.subscribe({ filters: new Map(), signal: new AbortController().signal });
  const iterator = live[Symbol.asyncIterator]();
  const first = iterator.next();
  world.emit("first");
  assert.equal((await first).value.Action, "first");
  for (let count = 0; count < 10_005; count += 1) world.emit(String(count));
  assert.equal((await iterator.next()).value.Action, "5");
  await iterator.return?.();
});

test("events: carry the old fields, scope and both times", async () => {
  const world = createWorld();
  const live = world.bus.subscribe({ filters: new Map(), signal: new AbortController().signal });
  const iterator = live[Symbol.asyncIterator]();
  const next = iterator.next();
  world.bus.emit({
    Type: "container",
    Action: "start",
    Actor: { ID: "c1", Attributes: { image: "a:1", name: "web" } },
  });
  assert.deepEqual((await next).value, {
    status: "start",
    id: "c1",
    from: "a:1",
    Type: "container",
    Action: "start",
    Actor: { ID: "c1", Attributes: { image: "a:1", name: "web" } },
    scope: "local",
    time: 1,
    timeNano: 1_000_000_000,
  });
  await iterator.return?.();
});

const EVENT: EventMessage = {
  Type: "container",
  Action: "exec_start: sh",
  Actor: { ID: "abc123", Attributes: { name: "web", image: "nginx:1.27", tier: "front", empty: "" } },
  scope: "local",
  time: 1,
  timeNano: 1,
};

/** Filters → does EVENT pass (facts of moby's daemon/events/filter.go). */
const CASES: readonly (readonly [filters: Readonly<Record<string, readonly string[]>>, passes: boolean])[] = [
  [{}, true],
  [{ type: [] }, true],
  [{ type: ["container"] }, true],
  [{ type: ["image"] }, false],
  [{ type: ["image", "container"] }, true],
  [{ event: ["exec_start"] }, true],
  [{ event: ["exec_start: sh"] }, true],
  [{ event: ["exec"] }, false],
  [{ container: ["abc"] }, true],
  [{ container: ["we"] }, true],
  [{ container: ["xyz"] }, false],
  [{ volume: ["web"] }, false],
  [{ image: ["nginx"] }, true],
  [{ image: ["nginx:1.27"] }, true],
  [{ image: ["ngin"] }, false],
  [{ label: ["tier"] }, true],
  [{ label: ["tier=front"] }, true],
  [{ label: ["tier=back"] }, false],
  [{ label: ["tier", "empty="] }, true],
  [{ label: ["tier", "other"] }, false],
  [{ scope: ["local"] }, true],
  [{ scope: ["swarm"] }, false],
  [{ daemon: ["x"] }, false],
  [{ nobody: ["knows"] }, true],
  [{ type: ["container"], image: ["redis"] }, false],
];

for (const [filters, passes] of CASES) {
  test(`matchesEvent: ${JSON.stringify(filters)} lets it ${passes ? "pass" : "not pass"}`, () => {
    assert.equal(matchesEvent(EVENT, new Map(Object.entries(filters))), passes);
  });
}

test("events: their times follow the system's clock when that is set", (t) => {
  const times: number[] = [];
  const bus = createEventBus({
    append: ({ timeNanoseconds }) => void times.push(Number(timeNanoseconds / 1_000_000n)),
    since: () => [],
  });
  const { now } = Date;
  const shifts = [0, 5_000, 90_000];
  for (const shift of shifts) {
    t.mock.method(Date, "now", () => now() + shift);
    bus.emit({ Type: "image", Action: "tag", Actor: { ID: "sha256:9f", Attributes: {} } });
    t.mock.restoreAll();
  }
  const start = now();
  for (const [index, shift] of shifts.entries()) {
    const apart = Math.abs((times[index] ?? 0) - start - shift);
    assert.ok(apart < 2_000, `${apart} ms from the clock`);
  }
});
