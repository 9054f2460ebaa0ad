import assert from "node:assert/strict";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readTarStream, toDisplayPath } from "#tar";
import { directoryTar, singleFileTar } from "./directoryTar.ts";
import type { DirectoryWish } from "./directoryTar.ts";

let root = "";

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "varve-context-"));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function make(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), path);
  }
}

async function names(wish: Partial<DirectoryWish> = {}): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { entry } of readTarStream(directoryTar(root, { includes: [], excludes: [], ...wish }))) {
    const target = entry.linkPath === "" ? "" : ` ${entry.type} ${entry.linkPath}`;
    found.push(`${toDisplayPath(entry.path).replace(/\/$/, "")}${target}`);
  }
  return found;
}

test("directory tar: depth first, names in byte order with what is below before longer names", async () => {
  make("a-b", "a/x", "a/y/z", "B", "ä");
  assert.deepEqual(await names(), ["B", "a", "a/x", "a/y", "a/y/z", "a-b", "ä"]);
});

test("directory tar: ignored is left out, exceptions bring their directories along", async () => {
  make("docs/a.md", "docs/b.txt", "node_modules/x/index.js", "src/a.ts");
  assert.deepEqual(await names({ excludes: ["node_modules", "docs", "!docs/*.md"] }), [
    "docs",
    "docs/a.md",
    "src",
    "src/a.ts",
  ]);
});

test("directory tar: only what is wanted, its directories too", async () => {
  make("a/b/c", "a/other", "x/y", "z.txt");
  assert.deepEqual(await names({ followPaths: ["a/b", "z.*"] }), ["a", "a/b", "a/b/c", "z.txt"]);
  assert.deepEqual(await names({ followPaths: ["nosuch"] }), []);
  assert.deepEqual(await names({ includes: ["x"] }), ["x", "x/y"]);
});

test("directory tar: links on the way to what is wanted are followed, and stay in the directory", async () => {
  make("real/file", "real/more", "top");
  symlinkSync("real", join(root, "link"));
  symlinkSync("../../../../top", join(root, "up"));
  symlinkSync("loop", join(root, "loop"));
  assert.deepEqual(await names({ followPaths: ["link/file", "up", "loop"] }), [
    "link symlink real",
    "loop symlink loop",
    "real",
    "real/file",
    "top",
    "up symlink ../../../../top",
  ]);
});

test("directory tar: hard links name the first of them", async () => {
  make("a", "c");
  linkSync(join(root, "a"), join(root, "b"));
  assert.deepEqual(await names(), ["a", "b hardlink a", "c"]);
  assert.deepEqual(await names({ excludes: ["a"] }), ["b", "c"]);
});

test("directory tar: one file alone", async () => {
  for await (const { entry, body } of readTarStream(singleFileTar("Dockerfile", Buffer.from("FROM x")))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    assert.deepEqual([entry.path, Buffer.concat(chunks).toString()], ["Dockerfile", "FROM x"]);
  }
});
