import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { HistoryStart } from "./buildHistory.ts";
import { openBuildHistory } from "./openBuildHistory.ts";

type History = ReturnType<typeof openBuildHistory>;

const start = (ref: string): HistoryStart => ({
  ref,
  frontend: "dockerfile.v0",
  attributes: { "build-arg:A": "b" },
  exports: [{ type: "moby", attributes: { name: "x" } }],
});
const VERTEX = { digest: "d1", name: "[1/1] RUN x", started: "2026-11-25T10:00:00Z" };
const log = (text: string): { vertex: string; stream: number; data: string; timestamp: string } => ({
  vertex: "d1",
  stream: 1,
  data: Buffer.from(text).toString("base64"),
  timestamp: "2026-11-25T10:00:01Z",
});

describe("build history", () => {
  let directory: string;
  let time: number;
  const open = (): History =>
    openBuildHistory({
      directory,
      now: () => (time += 1000),
      onFailure: (error) => {
        throw error;
      },
    });
  const refs = (history: History): readonly string[] => history.list().map(({ ref }) => ref);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "varve-build-history-"));
    time = 1_000_000;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test("what ended is there after a restart, with what it showed; what ran is not", async () => {
    const history = open();
    const one = history.begin(start("one"));
    one.add({ vertexes: [VERTEX] });
    one.add({ logs: [log("hello\n")] });
    one.add({ vertexes: [{ ...VERTEX, completed: "2026-11-25T10:00:02Z", cached: true }] });
    assert.equal(history.get("one")?.completedAt, undefined);
    assert.equal((await history.statuses("one")).length, 3);
    one.finish({ response: { "containerimage.digest": "sha256:1" } });
    const two = history.begin(start("two"));
    two.add({ vertexes: [VERTEX] });
    two.finish({ error: { category: "invalid_argument", message: "no" } });
    history.begin(start("running")).add({ vertexes: [VERTEX] });
    assert.deepEqual(refs(history), ["running", "two", "one"]);
    await history.settle();

    const later = open();
    assert.deepEqual(refs(later), ["two", "one"]);
    const record = later.get("one");
    assert.deepEqual(record, history.get("one"));
    assert.deepEqual([record?.totalSteps, record?.cachedSteps, record?.completedSteps], [1, 1, 1]);
    assert.deepEqual(await later.statuses("one"), await history.statuses("one"));
    assert.equal(later.get("two")?.error?.message, "no");
    // What still ran ends with the failure.
    assert.equal((await later.statuses("two")).at(-1)?.vertexes?.[0]?.error, "no");
    assert.equal(statSync(join(directory, "one.json")).mode & 0o777, 0o600);
  });

  test("bounds: 200 records, pinned ones beside them; of long output the beginning", async () => {
    const history = open();
    history.begin(start("kept")).finish({});
    assert.equal(history.pin("kept", true), true);
    for (let index = 0; index < 203; index += 1) {
      history.begin(start(`b${index}`)).finish({});
      await history.settle();
    }
    assert.equal(refs(history).length, 201);
    assert.equal(refs(history).at(-1), "kept");
    assert.equal(history.get("b2"), undefined);
    assert.equal(readdirSync(directory).length, 402);
    assert.deepEqual(refs(open()), refs(history));

    const long = history.begin(start("long"));
    for (let index = 0; index < 12; index += 1) long.add({ vertexes: [VERTEX], logs: [log("x".repeat(1 << 20))] });
    long.finish({});
    await history.settle();
    const statuses = await open().statuses("long");
    assert.equal(statuses.length, 12);
    const shown = statuses.flatMap(({ logs = [] }) => logs).length;
    assert.ok(shown >= 4 && shown < 12, String(shown));
  });

  test("removal takes the files along; what runs, or never was, is not removed; watchers hear of it all", async () => {
    const history = open();
    const heard: string[] = [];
    const stop = history.watch((event, { ref }) => heard.push(`${event} ${ref}`));
    const build = history.begin(start("one"));
    assert.equal(history.remove("one"), false);
    build.finish({});
    await history.settle();
    assert.equal(history.remove("one"), true);
    assert.equal(history.remove("one"), false);
    assert.deepEqual(readdirSync(directory), []);
    stop();
    history.begin(start("two")).finish({});
    assert.deepEqual(heard, ["started one", "completed one", "removed one"]);
    await history.settle();
  });

  test("foreign, cut and hostile files: what is no record goes, nothing fails", async () => {
    const history = open();
    for (const ref of ["good", "cut", "mute"]) history.begin(start(ref)).finish({});
    history.begin(start("../outside")).finish({});
    await history.settle();
    truncateSync(join(directory, "cut.json"), 10);
    writeFileSync(join(directory, "mute.log.gz"), "no gzip");
    writeFileSync(join(directory, "other.txt"), "x");
    writeFileSync(
      join(directory, "evil.json"),
      readFileSync(join(directory, "good.json"), "utf8").replace('"good"', '"../x"'),
    );
    const later = open();
    assert.deepEqual(refs(later), ["mute", "good"]);
    assert.deepEqual(await later.statuses("mute"), []);
    assert.deepEqual(await later.statuses("none"), []);
    assert.deepEqual(readdirSync(directory).sort(), ["good.json", "good.log.gz", "mute.json", "mute.log.gz"]);
  });
});
