/**
 * The explorer in a real terminal, compared with screens in `golden/`. `VARVE_UPDATE_GOLDEN=1` writes them: read the
 * difference before it is committed.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ROOT } from "../support/daemon.ts";
import { exampleArchive } from "./exampleImage.ts";
import { noTmux, TmuxTerminal } from "./tmuxTerminal.ts";
import type { TerminalSize } from "./tmuxTerminal.ts";

const SMALL = { columns: 80, rows: 24 };
const LARGE = { columns: 120, rows: 40 };
const GOLDEN = join(import.meta.dirname, "golden");
const UPDATE = process.env["VARVE_UPDATE_GOLDEN"] === "1";
const DIVE = `${join(ROOT, "bin/varve")} dive docker-archive:example.tar`;
const ESCAPE = "\x1b";
const skip = noTmux ?? false;

interface Opening {
  readonly size?: TerminalSize;
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Opened {
  readonly terminal: TmuxTerminal;
  readonly folder: string;
}

async function open(t: TestContext, { size = SMALL, command = DIVE, env = {} }: Opening = {}): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "varve-dive-"));
  await writeFile(join(folder, "example.tar"), exampleArchive());
  const terminal = await TmuxTerminal.open(folder, command, size, env);
  t.after(async () => {
    await terminal[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  return { terminal, folder };
}

/** The screen becomes the golden one. */
async function shows(terminal: TmuxTerminal, name: string): Promise<void> {
  const path = join(GOLDEN, `${name}.txt`);
  if (UPDATE) {
    await sleep(1500);
    await writeFile(path, await terminal.screen());
    return;
  }
  const wanted = readFileSync(path, "utf8");
  assert.equal(await terminal.settled((screen) => screen === wanted), wanted, `screen ${name}`);
}

async function says(terminal: TmuxTerminal, text: string): Promise<void> {
  const screen = await terminal.settled((now) => now.includes(text));
  assert.ok(screen.includes(text), `${text} in:\n${screen}`);
}

test("dive: opens, 80x24", { skip }, async (t) => {
  const { terminal } = await open(t);
  await shows(terminal, "open-80x24");
});

test("dive: opens, 120x40", { skip }, async (t) => {
  const { terminal } = await open(t, { size: LARGE });
  await shows(terminal, "open-120x40");
});

test("dive: layers, one by one and aggregated, and the file's details", { skip }, async (t) => {
  const { terminal } = await open(t, { size: LARGE });
  await terminal.press("Down", "Down");
  await shows(terminal, "layer-2");
  await terminal.press("C-a");
  await shows(terminal, "aggregated");
  await terminal.press("Tab");
  await terminal.type("/server");
  await terminal.press("Enter");
  await shows(terminal, "file-details");
});

test("dive: folding, states and attributes", { skip }, async (t) => {
  const { terminal } = await open(t);
  await terminal.press("Down", "Tab", "C-b");
  await shows(terminal, "attributes");
  await terminal.press("C-b", "Down", "Down", "Space", "C-u");
  await shows(terminal, "folded");
  await terminal.press("C-a");
  await shows(terminal, "only-modified");
  await terminal.press("C-a", "C-u", "C-Space");
  await shows(terminal, "all-folded");
});

test("dive: the filter while it is typed, and after", { skip }, async (t) => {
  const { terminal } = await open(t);
  await terminal.press("Down", "C-f");
  await terminal.type("app pt-1");
  await shows(terminal, "filter-typed");
  await terminal.press("Enter", "Down", "Escape");
  await shows(terminal, "filter-ended");
});

test("dive: help", { skip }, async (t) => {
  const { terminal } = await open(t);
  await terminal.press("?");
  await shows(terminal, "help");
  await terminal.press("End");
  await shows(terminal, "help-end");
  await terminal.press("q");
  await shows(terminal, "open-80x24");
});

test("dive: files as text and in hexadecimal, in any alphabet", { skip }, async (t) => {
  const { terminal } = await open(t);
  await terminal.type("/hosts");
  await terminal.press("Enter", "Enter");
  await shows(terminal, "view-text");
  await terminal.press("x");
  await shows(terminal, "view-hex");
  await terminal.press("q");
  await says(terminal, "Filter: hosts");
  await terminal.press("Escape");
  // What follows an escape at once would be one key with it.
  await terminal.settled((screen) => !screen.includes("Filter:"));
  await terminal.type("/env");
  await terminal.press("Enter", "v");
  await shows(terminal, "view-binary");
});

test("dive: extracts a file, and asks before it writes over one", { skip }, async (t) => {
  const { terminal, folder } = await open(t);
  await writeFile(join(folder, "mine"), "mine");
  await terminal.type("/hosts");
  await terminal.press("Enter", "e");
  await shows(terminal, "extract-asks");
  await terminal.press("C-u");
  await terminal.type("mine");
  await terminal.press("Enter");
  await shows(terminal, "extract-overwrite");
  await terminal.press("n");
  await says(terminal, "Not extracted");
  assert.equal(await readFile(join(folder, "mine"), "utf8"), "mine");
  await terminal.press("C-e", "Enter");
  await says(terminal, "Extracted 1 file (34 B) to ./hosts");
  assert.equal(await readFile(join(folder, "hosts"), "utf8"), "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
});

test("dive: the mouse", { skip }, async (t) => {
  const { terminal } = await open(t);
  await says(terminal, "Efficiency 9");
  await terminal.send("\x1b[<0;10;4M\x1b[<0;10;4m");
  await shows(terminal, "mouse-layer");
  await terminal.send("\x1b[<0;50;5M\x1b[<0;50;5m\x1b[<0;50;5M\x1b[<0;50;5m");
  await shows(terminal, "mouse-folded");
  await terminal.send("\x1b[<0;50;5M\x1b[<0;50;5m\x1b[<65;50;10M\x1b[<65;50;10M");
  await shows(terminal, "mouse-wheel");
});

test("dive: narrow screens, resized while it runs, and too small ones", { skip }, async (t) => {
  const { terminal } = await open(t, { size: { columns: 60, rows: 16 } });
  await shows(terminal, "narrow-layers");
  await terminal.press("Down", "Tab");
  await shows(terminal, "narrow-tree");
  await terminal.resize({ columns: 30, rows: 8 });
  await shows(terminal, "too-small");
  await terminal.resize(LARGE);
  await shows(terminal, "resized");
});

test("dive: without Unicode", { skip }, async (t) => {
  const { terminal } = await open(t, { env: { LC_ALL: "C" } });
  await terminal.press("Down");
  await shows(terminal, "ascii");
});

test("dive: colours follow the background that the terminal tells, and NO_COLOR", { skip }, async (t) => {
  const { terminal } = await open(t);
  await terminal.press("Down");
  // tmux may put a reset of the other colour between.
  const added = new RegExp(`${ESCAPE}\\[38;5;(\\d+)m(?:${ESCAPE}\\[[\\d;]*m)*\\+`);
  const colorOf = (screen: string): string | undefined => added.exec(screen)?.[1];
  const dark = await terminal.settled((screen) => colorOf(screen) !== undefined, true);
  assert.equal(colorOf(dark), "114");
  await terminal.send("\x1b]11;rgb:ffff/ffff/ffff\x1b\\");
  assert.equal(colorOf(await terminal.settled((screen) => colorOf(screen) === "28", true)), "28");
  const plain = await open(t, { env: { NO_COLOR: "1" } });
  await plain.terminal.press("Down");
  await says(plain.terminal, "+ ├── app");
  assert.doesNotMatch(await plain.terminal.screen(true), new RegExp(`${ESCAPE}\\[(?:\\d+;)*[34][0-8][;m]`));
});

test("dive: gives the terminal back when it ends, is killed, or is suspended", { skip }, async (t) => {
  const shell = "PS1='$ ' bash --norc -i";
  const { terminal, folder } = await open(t, { command: shell, size: LARGE });
  const given = { isOtherScreen: false, hasMouse: false, isCursorShown: true };
  const taken = { isOtherScreen: true, hasMouse: true, isCursorShown: false };
  await terminal.type(`${DIVE}; echo ended $?\n`);
  await says(terminal, "Efficiency 9");
  assert.deepEqual(await terminal.modes(), taken);
  await terminal.press("q");
  await says(terminal, "ended 0");
  assert.deepEqual(await terminal.modes(), given);

  await terminal.type("clear\n");
  await terminal.type(`${DIVE}\n`);
  await says(terminal, "Efficiency 9");
  await terminal.press("C-z");
  await says(terminal, "Stopped");
  assert.deepEqual(await terminal.modes(), given);
  await terminal.type("stty -a | grep -o ' icanon.* echo '; fg\n");
  await says(terminal, "Efficiency 9");
  assert.deepEqual(await terminal.modes(), taken);
  await terminal.press("C-c");
  await says(terminal, "icanon");

  await terminal.type("clear\n");
  await terminal.type(`sh -c 'echo $$ >pid; exec ${DIVE}'; echo ended $?\n`);
  await says(terminal, "Efficiency 9");
  process.kill(Number(await readFile(join(folder, "pid"), "utf8")), "SIGTERM");
  await says(terminal, "ended 143");
  assert.deepEqual(await terminal.modes(), given);
});
