/** The bundled command in a copy of the tree: whatever is done to a source, what runs is what the sources say. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

const ROOT = resolve(import.meta.dirname, "../..");
const tree = mkdtempSync(join(tmpdir(), "varve bundle #1-"));
const VERSION_LINE = join(tree, "src/cli/core/versionLine.ts");
const COMPLETION = join(tree, "src/cli/commands/completion.ts");

before(() => {
  for (const name of ["bin", "src", "tools", "package.json"])
    cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
});
after(() => rmSync(tree, { recursive: true, force: true }));

function varve(...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(join(tree, "bin/varve"), args, { encoding: "utf8" });
  return `${stdout}${stderr}`;
}
const bundle = (): Buffer => execFileSync(process.execPath, [join(tree, "tools/bundle/bundle.ts")]);
const inBundle = (pattern: RegExp): readonly string[] =>
  readdirSync(join(tree, "bundle"))
    .filter((name) => pattern.test(name))
    .map((name) => join(tree, "bundle", name));

/** Without what tells of it: size and time stay. */
function editUnseen(path: string, from: string, to: string): void {
  assert.equal(from.length, to.length);
  const before = join(tree, "before");
  execFileSync("cp", ["-p", path, before]);
  edit(path, from, to);
  // To the nanosecond, which a Date has not.
  execFileSync("touch", ["-r", before, path]);
}
function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  assert.ok(text.includes(from));
  writeFileSync(path, text.replace(from, to));
}

test("bundle: a tree without one runs its sources", () => {
  assert.match(varve("--version"), /^varve version \d/);
});

test("bundle: runs while the sources look as they did, and not a word of theirs is read", () => {
  bundle();
  editUnseen(VERSION_LINE, "varve version", "VARVE version");
  editUnseen(COMPLETION, "no completion for", "NO completion for");
  assert.match(varve("--version"), /^varve version \d/);
  assert.match(varve("completion", "tcsh"), /^no completion for "tcsh"/);
  assert.match(varve("completion", "bash"), /__complete/);
});

test("bundle: --debug asks for stacks, so the sources run", () => {
  assert.match(varve("--debug", "completion", "tcsh"), /^NO completion for "tcsh"/);
});

test("bundle: a command that was edited runs as it is now, and the others from the bundle", () => {
  edit(COMPLETION, "NO completion for", "none there for");
  assert.match(varve("completion", "tcsh"), /^none there for "tcsh"/);
  assert.match(varve("--version"), /^varve version \d/);
  assert.equal(spawnSync(join(tree, "bin/varve"), ["completion", "tcsh"]).status, 1);
});

test("bundle: an everyday command that was edited, too", () => {
  const path = join(tree, "src/cli/commands/tag.ts");
  assert.match(varve("tag", "--help"), /Create a tag TARGET_IMAGE/);
  edit(path, "Create a tag TARGET_IMAGE", "Make a tag TARGET_IMAGE");
  assert.match(varve("tag", "--help"), /Make a tag TARGET_IMAGE/);
});

test("bundle: when what every command needs was edited, all runs from the sources", () => {
  edit(VERSION_LINE, "VARVE version", "edited version");
  assert.match(varve("--version"), /^edited version \d/);
  bundle();
  assert.match(varve("--version"), /^edited version \d/);
  edit(join(tree, "package.json"), '"version": "', '"version": "9');
  assert.match(varve("--version"), /^edited version 9\d/);
});

test("bundle: without its code cache, or with a bad one, it runs as well", () => {
  bundle();
  const caches = inBundle(/\.cache$/);
  assert.equal(caches.length, 2);
  const both = (): string => varve("--version") + varve("completion", "tcsh");
  const expected = /^edited version .*\nnone there for/;
  assert.match(both(), expected);
  for (const cache of caches) writeFileSync(cache, readFileSync(cache).subarray(0, 1000));
  assert.match(both(), expected);
  for (const cache of caches) rmSync(cache);
  assert.match(both(), expected);
  for (const script of inBundle(/^other-.*\.js$/)) rmSync(script);
  assert.match(both(), expected);
  for (const script of inBundle(/^varve-.*\.js$/)) rmSync(script);
  assert.match(both(), expected);
});

test("bundle: a source that is gone is missed", () => {
  bundle();
  rmSync(COMPLETION);
  assert.match(varve("completion", "tcsh"), /Cannot find module/);
});
