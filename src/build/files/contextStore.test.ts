import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { hasCode, isInvalidArgument } from "#errors";
import type { ContextEntry, ContextReceiver } from "./contextDirectory.ts";
import { ContextStore } from "./contextStore.ts";
import type { HeldContext } from "./contextStore.ts";
import { PackedTree } from "./packedTree.ts";
import { showContext } from "./filesTestbed.ts";

interface Sent extends Partial<ContextEntry> {
  readonly path: string;
  readonly body?: string;
}

const [FILE, DIRECTORY, LINK, FIFO] = [0o100644, 0o040755, 0o120777, 0o010600];
const TIME = 1_500_000_000_123_456_789n;

function entryOf({ body = "", ...entry }: Sent): ContextEntry {
  return {
    mode: FILE,
    uid: 0,
    gid: 0,
    size: Buffer.byteLength(body),
    modifiedAt: TIME,
    linkname: "",
    deviceMajor: 0,
    deviceMinor: 0,
    xattrs: new Map(),
    ...entry,
  };
}

/** A client: says what it has, sends what is wanted, tells which. */
async function sendAll(receiver: ContextReceiver, entries: readonly Sent[]): Promise<string[]> {
  const wanted: string[] = [];
  for (const [index, sent] of entries.entries()) {
    if (!receiver.entry(entryOf(sent))) continue;
    wanted.push(sent.path);
    const bytes = Buffer.from(sent.body ?? "");
    receiver.write(index, bytes.subarray(0, 1));
    receiver.write(index, bytes.subarray(1));
    await receiver.drained();
    receiver.end(index);
  }
  return wanted;
}

interface World {
  readonly root: string;
  readonly open: () => ContextStore;
  readonly send: (
    store: ContextStore,
    entries: readonly Sent[],
    sharedKey?: string,
  ) => Promise<{ held: HeldContext; wanted: string[] }>;
}

function openWorld(t: TestContext): World {
  const root = mkdtempSync(join(tmpdir(), "varve-contexts-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  let time = 1000;
  return {
    root,
    open: () => new ContextStore({ root, now: () => (time += 1) }),
    send: async (store, entries, sharedKey = "key") => {
      let wanted: string[] = [];
      const fill = async (receiver: ContextReceiver): Promise<void> => {
        wanted = await sendAll(receiver, entries);
      };
      const held = await store.receive({ name: "context", sharedKey }, fill, new AbortController().signal);
      return { held, wanted };
    },
  };
}

const show = (held: HeldContext): string[] => showContext(held.context);

const TREE: readonly Sent[] = [
  { path: "a", body: "one", mode: 0o104755, uid: 5, gid: 6 },
  { path: "d", mode: DIRECTORY },
  { path: "d/e", mode: 0o040700 },
  { path: "d/e/f", body: "two" },
  { path: "d/link", mode: LINK, linkname: "/nowhere" },
  { path: "d.x", body: "" },
  { path: "hard", body: "", linkname: "a", mode: 0o104755, uid: 5, gid: 6 },
  { path: "pipe", mode: FIFO },
];

test("context: what a client sends is there as it says", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  using held = (await w.send(store, TREE)).held;
  assert.deepEqual(show(held), [
    "a 104755 5:6 2 one",
    "d 40755 0:0",
    "d.x 100644 0:0 1",
    "d/e 40700 0:0",
    "d/e/f 100644 0:0 1 two",
    "d/link 120777 0:0 1",
    "hard 104755 5:6 2 one",
    "pipe 10600 0:0 1",
  ]);
  const tree = new PackedTree(held.context);
  for (const name of ["a", "d", "d/e/f", "d/link", "pipe"])
    assert.equal(tree.find(name)?.mtimeSeconds, 1_500_000_000, name);
  assert.equal(tree.resolve("d/link"), "nowhere");
});

test("context: only what differs is asked for again, also by another daemon", async (t) => {
  const w = openWorld(t);
  (await w.send(w.open(), TREE)).held[Symbol.dispose]();
  const store = w.open();
  const again = await w.send(store, TREE);
  assert.deepEqual(again.wanted, []);
  again.held[Symbol.dispose]();
  const changed = TREE.filter(({ path }) => path !== "hard" && path !== "d/link").map((sent) =>
    sent.path === "d/e/f" ? { ...sent, body: "new", modifiedAt: TIME + 1n } : sent,
  );
  const third = await w.send(store, changed);
  assert.deepEqual(third.wanted, ["d/e/f"]);
  assert.notEqual(third.held.context.list, again.held.context.list);
  assert.deepEqual(
    show(third.held).map((line) => line.split(" ")[0]),
    ["a", "d", "d.x", "d/e", "d/e/f", "pipe"],
  );
  assert.ok(show(third.held).includes("d/e/f 100644 0:0 1 new"));
});

test("context: types may change from one build to the next, and nothing leads outside", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  const precious = mkdtempSync(join(tmpdir(), "varve-precious-"));
  t.after(() => rmSync(precious, { recursive: true, force: true }));
  const versions: (readonly Sent[])[] = [
    [
      { path: "x", mode: DIRECTORY },
      { path: "x/keep", body: "1" },
    ],
    [{ path: "x", mode: LINK, linkname: precious }],
    [
      { path: "x", mode: DIRECTORY },
      { path: "x/other", body: "2" },
    ],
    [{ path: "x", body: "file" }],
    [],
  ];
  rmSync(join(precious, "keep"), { force: true });
  const shown: string[][] = [];
  for (const version of versions) {
    using held = (await w.send(store, version)).held;
    shown.push(show(held).map((line) => line.split(" ")[0] ?? ""));
  }
  assert.deepEqual(shown, [["x", "x/keep"], ["x"], ["x", "x/other"], ["x"], []]);
  assert.deepEqual(readdirSync(precious), []);
});

test("context: a build that holds it keeps what it has, however often it is sent anew", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  const first = await w.send(store, TREE);
  const before = show(first.held);
  const second = await w.send(store, [{ path: "a", body: "other", modifiedAt: 5n }, ...TREE.slice(1, 6)]);
  assert.notEqual(second.held.context.list, first.held.context.list);
  assert.deepEqual(show(first.held), before);
  assert.ok(show(second.held).includes("a 100644 0:0 1 other"));
  assert.ok(show(second.held).includes("d/e 40700 0:0"));
  first.held[Symbol.dispose]();
  second.held[Symbol.dispose]();
});

test("context: two clients at once with one key do not meet", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  const results = await Promise.all([
    w.send(store, TREE),
    w.send(store, [{ path: "b", body: "B" }]),
    w.send(store, TREE, ""),
  ]);
  const paths = new Set(results.map(({ held }) => held.context.pack));
  assert.equal(paths.size, 3);
  assert.deepEqual(show(results[1].held), ["b 100644 0:0 1 B"]);
  for (const { held } of results) held[Symbol.dispose]();
  assert.equal((await store.list()).length, 1);
});

test("context: half of one, as a killed daemon leaves it, is thrown away", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  (await w.send(store, TREE)).held[Symbol.dispose]();
  const broken = store.receive(
    { name: "context", sharedKey: "key" },
    async (receiver) => {
      receiver.entry(entryOf({ path: "a", body: "xyz", modifiedAt: 1n }));
      receiver.write(0, Buffer.from("x"));
      throw new Error("gone");
    },
    new AbortController().signal,
  );
  await assert.rejects(broken, /gone/);
  const next = await w.send(store, TREE);
  assert.deepEqual(show(next.held).length, TREE.length);
  const list = readdirSync(w.root, { recursive: true, encoding: "utf8" }).find((name) => name.endsWith(".list")) ?? "";
  next.held[Symbol.dispose]();
  rmSync(join(w.root, list));
  const after = await w.send(w.open(), TREE);
  assert.equal(after.wanted.length, 2);
});

test("context: listed with its size, removed unless in use", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  const { held } = await w.send(store, TREE);
  const [record] = await store.list();
  assert.ok(record);
  const { id, inUse, size, type, usageCount, description } = record;
  assert.deepEqual(
    [inUse, size, type, usageCount, description],
    [true, 6, "source.local", 1, "local source for context"],
  );
  assert.equal(await store.remove(id), false);
  held[Symbol.dispose]();
  assert.equal(await store.remove(id), true);
  assert.deepEqual(await store.list(), []);
  assert.deepEqual(readdirSync(w.root, { recursive: true }), ["private"]);
});

test("context: removed while builds come and go, none of them misses it", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  const build = async (): Promise<void> => {
    for (let round = 0; round < 5; round += 1) {
      const { held } = await w.send(store, TREE);
      assert.equal(show(held).length, TREE.length);
      held[Symbol.dispose]();
    }
  };
  const done = new AbortController();
  const prune = async (): Promise<void> => {
    while (!done.signal.aborted) {
      for (const { id } of await store.list()) await store.remove(id);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const pruned = prune();
  await Promise.all([build(), build(), build()]).finally(() => done.abort());
  await pruned;
});

const HOSTILE: readonly (readonly [name: string, entries: readonly Sent[], code?: "PATH_ESCAPE"])[] = [
  ["a parent", [{ path: "../x", body: "1" }], "PATH_ESCAPE"],
  ["a parent inside", [{ path: "a", mode: DIRECTORY }, { path: "a/../../x" }], "PATH_ESCAPE"],
  ["an absolute path", [{ path: "/etc/passwd" }], "PATH_ESCAPE"],
  ["an empty part", [{ path: "a", mode: DIRECTORY }, { path: "a//b" }], "PATH_ESCAPE"],
  ["no name", [{ path: "" }], "PATH_ESCAPE"],
  ["a dot", [{ path: "." }], "PATH_ESCAPE"],
  ["a NUL", [{ path: "a\0b" }], "PATH_ESCAPE"],
  [
    "a path through a symlink",
    [
      { path: "l", mode: LINK, linkname: "/etc" },
      { path: "l/passwd", body: "1" },
    ],
    "PATH_ESCAPE",
  ],
  ["a file without its directory", [{ path: "a/b" }], "PATH_ESCAPE"],
  ["a link to the outside", [{ path: "h", linkname: "../../etc/passwd" }], "PATH_ESCAPE"],
  ["a link to what has not come", [{ path: "h", linkname: "z" }], "PATH_ESCAPE"],
  ["a name twice", [{ path: "a" }, { path: "a" }]],
  ["wrong order", [{ path: "b" }, { path: "a" }]],
  ["wrong order of directories", [{ path: "a", mode: DIRECTORY }, { path: "a.x" }, { path: "a/b" }]],
  ["a size that is none", [{ path: "a", size: -1 }]],
  ["a type that is none", [{ path: "a", mode: 0o030644 }]],
];

for (const [name, entries, code] of HOSTILE) {
  test(`hostile context: ${name} is refused, nothing stays`, async (t) => {
    const w = openWorld(t);
    const store = w.open();
    await assert.rejects(
      w.send(store, entries),
      (error) => isInvalidArgument(error) && (code === undefined || hasCode(error, code)),
    );
    assert.deepEqual(
      readdirSync(w.root, { recursive: true, encoding: "utf8" }).filter((path) => path.includes("/")),
      [],
    );
    assert.equal((await w.send(store, TREE)).wanted.length, 2);
  });
}

test("context: a file that changes while it is sent is what was announced, as far as it came, and is asked for again", async (t) => {
  const w = openWorld(t);
  const store = w.open();
  const sent = async (size: number): Promise<string[]> => {
    const { held, wanted } = await w.send(store, [{ path: "a", body: "12", size }]);
    using _ = held;
    assert.deepEqual(show(held), [`a 100644 0:0 1 ${"12".slice(0, size)}`]);
    return wanted;
  };
  assert.deepEqual(await sent(1), ["a"]);
  assert.deepEqual(await sent(3), ["a"]);
  assert.deepEqual(await sent(3), ["a"]);
  assert.deepEqual(await sent(2), ["a"]);
  assert.deepEqual(await sent(2), []);
});

test("hostile context: a name that is too long", async (t) => {
  const w = openWorld(t);
  await assert.rejects(w.send(w.open(), [{ path: "x".repeat(5000) }]), hasTarLimit);
});

function hasTarLimit(error: unknown): boolean {
  return hasCode(error, "TAR_LIMIT");
}

test("context: many files at once, their bytes in any order", async (t) => {
  const w = openWorld(t);
  const count = 300;
  const names = Array.from({ length: count }, (_, index) => `f${String(index).padStart(3, "0")}`);
  const fill = async (receiver: ContextReceiver): Promise<void> => {
    for (const path of names) assert.ok(receiver.entry(entryOf({ path, body: "ab" })));
    assert.ok(!receiver.entry(entryOf({ path: "z", linkname: "f000" })));
    for (const part of ["a", "b"]) {
      for (const index of names.keys()) receiver.write(index, Buffer.from(part));
    }
    for (const index of names.keys()) receiver.end(count - 1 - index);
  };
  using held = await w.open().receive({ name: "context", sharedKey: "key" }, fill, new AbortController().signal);
  assert.deepEqual(
    show(held),
    [...names, "z"].map((name) => `${name} 100644 0:0 ${name === "z" || name === "f000" ? 2 : 1} ab`),
  );
});
