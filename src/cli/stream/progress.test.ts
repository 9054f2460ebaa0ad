import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import type { ProgressMessage } from "#engineapi";
import { progressText, showProgress } from "./progress.ts";

class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns = 150;
  text = "";

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    this.text += String(chunk);
    done();
  }
}

async function* stream(messages: readonly ProgressMessage[]): AsyncGenerator<ProgressMessage> {
  yield* messages;
}

const PULL: readonly ProgressMessage[] = [
  { status: "Pulling from library/a", id: "1" },
  { status: "Pulling fs layer", id: "aa", progressDetail: {} },
  { status: "Pulling fs layer", id: "bb", progressDetail: {} },
  { status: "Downloading", id: "aa", progressDetail: { current: 82, total: 164 } },
  { status: "Pull complete", id: "aa", progressDetail: {} },
  { status: "Digest: sha256:1" },
];

test("progress: plain lines without bars when stdout is no terminal", async () => {
  const screen = new Screen(false);
  await showProgress(stream(PULL), screen);
  assert.equal(
    screen.text,
    "1: Pulling from library/a\naa: Pulling fs layer\nbb: Pulling fs layer\naa: Pull complete\nDigest: sha256:1\n",
  );
});

test("progress: one line per layer rewritten in place on a terminal", async () => {
  const screen = new Screen(true);
  await showProgress(stream(PULL), screen);
  assert.equal(
    screen.text,
    [
      "1: Pulling from library/a\n",
      "\n\x1b[1A\x1b[2K\raa: Pulling fs layer \r\x1b[1B",
      "\n\x1b[1A\x1b[2K\rbb: Pulling fs layer \r\x1b[1B",
      `\x1b[2A\x1b[2K\raa: Downloading [${"=".repeat(25)}>${" ".repeat(25)}]      82B/164B\r\x1b[2B`,
      "\x1b[2A\x1b[2K\raa: Pull complete \r\x1b[2B",
      "Digest: sha256:1\n",
    ].join(""),
  );
});

test("progress: counts without a total, units, and time left are moby's", () => {
  assert.equal(progressText({ current: 1500 }, 150), "   1.5kB");
  assert.equal(progressText({ current: 3, total: 6, units: "layers" }, 150).slice(-10), "3/6 layers");
  assert.equal(progressText({ current: 200, total: 100 }, 100), "    200B");
  assert.equal(progressText({ current: 1, total: 3, start: 100, hidecounts: true }, 60, 110_000), " 20s");
  assert.equal(progressText({}, 150), "");
});

test("progress: an error in the stream fails with the daemon's text, aux goes to programs", async () => {
  const seen: unknown[] = [];
  const messages = stream([
    { aux: { ID: "x" } },
    { error: "short", errorDetail: { message: "no space left on device" } },
  ]);
  await assert.rejects(
    showProgress(messages, undefined, (aux) => seen.push(aux)),
    { message: "no space left on device" },
  );
  assert.deepEqual(seen, [{ ID: "x" }]);
});
