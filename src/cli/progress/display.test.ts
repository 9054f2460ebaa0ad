import assert from "node:assert/strict";
import { test } from "node:test";
import type { SolveStatus } from "#engineapi";
import { LogScreen } from "./logScreen.ts";
import { PlainDisplay } from "./plainDisplay.ts";
import type { DisplayOutput, SolveDisplay } from "./solveDisplay.ts";
import { mergeIntervals, millisecondsOf } from "./solveTime.ts";
import { colorsOf, TerminalDisplay } from "./terminalDisplay.ts";
import { transferText } from "./transferSize.ts";

const START = Date.parse("2026-01-01T00:00:00Z");
const at = (ms: number): string => new Date(START + ms).toISOString();
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const vertex = (
  digest: string,
  name: string,
  more: { started?: number; completed?: number; error?: string; cached?: boolean } = {},
): SolveStatus => ({
  vertexes: [
    {
      digest,
      name,
      ...(more.started === undefined ? {} : { started: at(more.started) }),
      ...(more.completed === undefined ? {} : { completed: at(more.completed) }),
      ...(more.error === undefined ? {} : { error: more.error }),
      ...(more.cached === undefined ? {} : { cached: more.cached }),
    },
  ],
});
const log = (digest: string, ms: number, text: string): SolveStatus => ({
  logs: [{ vertex: digest, stream: 1, data: base64(text), timestamp: at(ms) }],
});

class Paper implements DisplayOutput {
  text = "";
  clock = START;
  write(text: string | Uint8Array): void {
    this.text += typeof text === "string" ? text : Buffer.from(text).toString();
  }
  now(): number {
    return this.clock;
  }
}

function show(display: SolveDisplay, paper: Paper, messages: readonly (readonly [ms: number, SolveStatus])[]): void {
  for (const [ms, message] of messages) {
    paper.clock = START + ms;
    display.update(message);
    display.refresh();
  }
}

const plain = (paper: Paper): PlainDisplay =>
  new PlainDisplay(paper, { description: "building with tests", shortNames: false });

test("plain: a step's name, statuses, output and end, in blocks of its number", () => {
  const paper = new Paper();
  const display = plain(paper);
  const status = { id: "transferring context:", vertex: "a", current: 1234, timestamp: at(20), started: at(0) };
  show(display, paper, [
    [0, vertex("a", "[internal] load build context")],
    [0, vertex("a", "[internal] load build context", { started: 0 })],
    [20, { statuses: [{ ...status, completed: at(20) }] }],
    [30, vertex("a", "[internal] load build context", { started: 0, completed: 120 })],
    [200, vertex("b", "[2/2] RUN make", { started: 200 })],
    [300, log("b", 321, "one\ntw")],
    [400, log("b", 400, "o\n")],
    [900, vertex("b", "[2/2] RUN make", { started: 200, completed: 1700 })],
    [950, vertex("c", "[1/2] FROM x", { started: 900, completed: 900, cached: true })],
  ]);
  display.close();
  assert.equal(
    paper.text,
    `#0 building with tests

#1 [internal] load build context
#1 transferring context: 1.23kB 0.0s done
#1 DONE 0.1s

#2 [2/2] RUN make
#2 0.121 one
#2 0.121 two
#2 DONE 1.5s

#3 [1/2] FROM x
#3 CACHED
`,
  );
});

test("plain: a failed step's last ten lines come again at the end, a cancelled one's do not", () => {
  const paper = new Paper();
  const display = plain(paper);
  const lines = Array.from({ length: 12 }, (_, index) => `line ${index}\n`).join("");
  show(display, paper, [
    [0, vertex("a", "RUN a", { started: 0 })],
    [10, log("a", 10, `${lines}no end`)],
    [20, vertex("b", "RUN b", { started: 0 })],
    [30, vertex("a", "RUN a", { started: 0, completed: 30, error: "exit code: 3" })],
    [40, vertex("b", "RUN b", { started: 0, completed: 40, error: "solve: context canceled" })],
  ]);
  display.close();
  const end = paper.text.slice(paper.text.indexOf("#1 0.010 no end"));
  const repeated = [3, 4, 5, 6, 7, 8, 9, 10, 11].map((index) => `0.010 line ${index}\n`).join("");
  assert.equal(
    end,
    `#1 0.010 no end\n#1 ERROR: exit code: 3\n\n#2 RUN b\n#2 CANCELED\n------\n > RUN a:\n${repeated}0.010 no end\n------\n`,
  );
});

test("plain: steps that run together take turns, the one left says so", () => {
  const paper = new Paper();
  const display = plain(paper);
  show(display, paper, [
    [0, vertex("a", "RUN a", { started: 0 })],
    [0, vertex("b", "RUN b", { started: 0 })],
    [100, log("b", 100, "from b\n")],
    [200, vertex("b", "RUN b", { started: 0, completed: 200 })],
    [300, log("a", 300, "from a\n")],
  ]);
  assert.equal(
    paper.text,
    "#0 building with tests\n\n#1 RUN a\n#1 ...\n\n#2 RUN b\n#2 0.100 from b\n#2 DONE 0.2s\n\n#1 RUN a\n#1 0.300 from a\n",
  );
});

test("plain: bytes that are no text stay as they are", () => {
  const chunks: Uint8Array[] = [];
  const display = new PlainDisplay(
    { write: (text) => void chunks.push(Buffer.from(text)), now: () => START },
    { description: "", shortNames: false },
  );
  display.update(vertex("a", "RUN a", { started: 0 }));
  display.update({
    logs: [{ vertex: "a", stream: 1, data: Buffer.from([0xff, 0xc3]).toString("base64"), timestamp: at(0) }],
  });
  display.refresh();
  display.update({
    logs: [{ vertex: "a", stream: 1, data: Buffer.from([0xa4, 0x0a]).toString("base64"), timestamp: at(0) }],
  });
  display.refresh();
  const expected = Buffer.concat([Buffer.from("#1 RUN a\n#1 0.000 "), Buffer.from([0xff, 0xc3, 0xa4, 0x0a])]);
  assert.deepEqual(Buffer.concat(chunks), expected);
});

const terminal = (paper: Paper, rows = 20, env: NodeJS.ProcessEnv = { NO_COLOR: "1" }): TerminalDisplay =>
  new TerminalDisplay(paper, {
    corner: "docker:default",
    colors: colorsOf(env),
    logLines: 0,
    size: () => ({ columns: 60, rows }),
  });

/** What stands on screen after all of it, without trailing blanks. */
function screenOf(text: string, rows = 24): readonly string[] {
  const screen = new LogScreen(rows, 60);
  screen.write(Buffer.from(text));
  return screen.lines().map((line) => line.trimEnd());
}

test("tty: times at the right, the tail of what runs, all done at the end", () => {
  const paper = new Paper();
  const display = terminal(paper);
  show(display, paper, [
    [0, vertex("a", "[1/2] FROM x", { started: 0, completed: 20, cached: true })],
    [100, vertex("b", "[2/2] RUN make", { started: 100 })],
    [600, log("b", 300, "compile\rlinking\n")],
  ]);
  assert.deepEqual(screenOf(paper.text), [
    "[+] Building 0.6s (1/2)                      docker:default",
    " => CACHED [1/2] FROM x                                0.0s",
    " => [2/2] RUN make                                     0.5s",
    " => => # linking",
  ]);
  show(display, paper, [[1100, vertex("b", "[2/2] RUN make", { started: 100, completed: 1100 })]]);
  display.close();
  assert.deepEqual(screenOf(paper.text), [
    "[+] Building 1.1s (2/2) FINISHED             docker:default",
    " => CACHED [1/2] FROM x                                0.0s",
    " => [2/2] RUN make                                     1.0s",
  ]);
});

test("tty: more steps than lines: finished ones go, what runs stays; all of them at the end", () => {
  const paper = new Paper();
  const display = terminal(paper, 8);
  show(display, paper, [[0, vertex("run", "long", { started: 0 })]]);
  for (let index = 0; index < 10; index += 1) {
    show(display, paper, [[index, vertex(`s${index}`, `short ${index}`, { started: index, completed: index })]]);
  }
  const shown = screenOf(paper.text, 8);
  assert.equal(shown.length, 7);
  assert.ok(shown.some((line) => line.includes("long")));
  assert.ok(shown.some((line) => line.includes("short 9")));
  paper.text = "";
  show(display, paper, [[20, vertex("run", "long", { started: 0, completed: 20, error: "boom" })]]);
  display.close();
  assert.match(paper.text, /ERROR long[^]*short 0[^]*short 9[^]*------\n > long:\n------\n$/);
});

test("tty: colours by outcome, chosen by BUILDKIT_COLORS, none with NO_COLOR", () => {
  const paper = new Paper();
  const display = terminal(paper, 20, { BUILDKIT_COLORS: "run=green:cancel=255,165,0:error=nosuch" });
  show(display, paper, [
    [0, vertex("a", "fine", { started: 0, completed: 1 })],
    [0, vertex("b", "bad", { started: 0, completed: 1, error: "boom" })],
    [0, vertex("c", "left", { started: 0, completed: 1, error: "context canceled" })],
  ]);
  assert.ok(paper.text.includes("\x1b[32m => fine"));
  assert.ok(paper.text.includes("\x1b[31m => ERROR bad"));
  assert.ok(paper.text.includes("\x1b[38;2;255;165;0m => CANCELED left"));
});

test("log screen: scrolls, wraps, and rewrites lines as a terminal does", () => {
  const screen = new LogScreen(3, 10);
  screen.write(Buffer.from("1\n2\n3\n4\n"));
  assert.deepEqual(
    screen.lines().map((line) => line.trim()),
    ["2", "3", "4"],
  );
  screen.write(Buffer.from("\x1b[31m50%\x1b[0m\r\x1b[K100%\tx\b!\x1b["));
  screen.write(Buffer.from("1Aup"));
  assert.deepEqual(
    screen.lines().map((line) => line.trim()),
    ["3", "4        u", "p00%    !"],
  );
});

test("solve time: fractions of any length, stretches merged", () => {
  assert.equal(millisecondsOf("2026-01-01T00:00:00.001500Z"), START + 1.5);
  assert.equal(millisecondsOf("2026-01-01T01:00:00+01:00"), START);
  assert.deepEqual(
    mergeIntervals([
      { start: 5, stop: 8 },
      { start: 0, stop: 2 },
      { start: 1, stop: 3 },
      { start: 7, stop: undefined },
      { start: 9, stop: 10 },
    ]),
    [
      { start: 0, stop: 3 },
      { start: 5, stop: undefined },
    ],
  );
});

test("transfer size: as clients of BuildKit write it", () => {
  assert.equal(transferText(0, undefined), "");
  assert.equal(transferText(59, 0), "59B");
  assert.equal(transferText(537_000_000, 1_000_000_000), "537.00MB / 1.00GB");
});
