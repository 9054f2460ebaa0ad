import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";
import { readArchive, sendArchive } from "./archivedContext.ts";
import type { ContextReceiver } from "./contextDirectory.ts";

let folder = "";
let spool: FileHandle;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "varve-archived-"));
  spool = await open(join(folder, "spool"), "wx+");
});

afterEach(async () => {
  await spool.close();
  rmSync(folder, { recursive: true });
});

const header = (path: string, more: Partial<TarHeader> = {}): TarHeader => ({
  path,
  type: "file",
  mode: 0o644,
  ...more,
});
const file = (path: string, body: string): TarMemberSource => ({
  header: header(path, { size: body.length }),
  body: [Buffer.from(body)],
});

async function tarOf(...members: readonly TarMemberSource[]): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeTarStream(members)));
}

const read = (bytes: Uint8Array): ReturnType<typeof readArchive> =>
  readArchive(
    (async function* () {
      yield bytes;
    })(),
    spool,
    new AbortController().signal,
  );

async function sent(bytes: Uint8Array): Promise<readonly string[]> {
  const seen: string[] = [];
  const receiver: ContextReceiver = {
    entry: ({ path, mode, size, linkname }) => {
      seen.push(`${path} ${mode.toString(8)} ${size}${linkname === "" ? "" : ` -> ${linkname}`}`);
      return (mode & 0o170000) === 0o100000 && linkname === "";
    },
    write: (index, chunk) => void seen.push(`${index}: ${Buffer.from(chunk).toString()}`),
    end: () => undefined,
    drained: () => undefined,
  };
  await sendArchive((await read(bytes)) ?? new Map(), spool, receiver);
  return seen;
}

test("archived context: in the order of contexts, with directories that nobody mentioned", async () => {
  assert.deepEqual(await sent(await tarOf(file("./b/y", "1"), file("a-c", "2"), file("/a/x", "3"))), [
    "a 40755 0",
    "a/x 100644 1",
    "1: 3",
    "a-c 100644 1",
    "2: 2",
    "b 40755 0",
    "b/y 100644 1",
    "4: 1",
  ]);
});

test("archived context: compressed; the last of a name counts; symlinks are as they are", async () => {
  const link = { header: header("l", { type: "symlink" as const, linkPath: "/etc", mode: 0o777 }) };
  assert.deepEqual(await sent(gzipSync(await tarOf(file("a", "old"), link, file("a", "new")))), [
    "a 100644 3",
    "0: new",
    "l 120777 0 -> /etc",
  ]);
});

test("archived context: a hard link that comes before its file has the bytes", async () => {
  const link = { header: header("a", { type: "hardlink" as const, linkPath: "./z" }) };
  assert.deepEqual(await sent(await tarOf(file("z", "x"), link)), ["a 100644 1", "0: x", "z 100644 0 -> a"]);
  await assert.rejects(sent(await tarOf({ header: header("a", { type: "hardlink", linkPath: "no" }) })), {
    message: "a is a link to no, which is not in the archive",
  });
  const loop = { header: header("b", { type: "hardlink" as const, linkPath: "b" }) };
  await assert.rejects(sent(await tarOf(loop)), { code: "INVALID_TAR" });
});

test("archived context: names that lead out are refused", async () => {
  await assert.rejects(sent(await tarOf(file("a/../../b", ""))), { code: "PATH_ESCAPE" });
});

test("archived context: a file that is no archive is none; one that is cut is damaged", async () => {
  assert.equal(await read(Buffer.from("FROM scratch\n")), undefined);
  const whole = await tarOf(file("a", "x".repeat(2000)), file("b", ""));
  await assert.rejects(read(whole.subarray(0, 1500)), { code: "TAR_TRUNCATED" });
});
