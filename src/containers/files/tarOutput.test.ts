import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readTarStream } from "#tar";
import { TarInput } from "./tarInput.ts";
import { TarOutput } from "./tarOutput.ts";

const BIG = 3_000_001;

function bigTar(size: number): Uint8Array[] {
  const folder = mkdtempSync(join(tmpdir(), "varve-tar-"));
  writeFileSync(join(folder, "big"), Buffer.alloc(BIG, 7));
  const fd = openSync(join(folder, "big"), "r");
  const chunks: Uint8Array[] = [];
  try {
    const output = new TarOutput((chunk) => void chunks.push(chunk));
    output.header({ path: "d", type: "directory" });
    output.header({ path: "d/big", type: "file", size });
    output.body(fd, size);
    output.end();
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
  return chunks;
}

test("tar output: a file larger than a chunk comes back whole", async () => {
  const found: string[] = [];
  for await (const { entry, body } of readTarStream(bigTar(BIG))) {
    let bytes = 0;
    for await (const part of body) bytes += part.length;
    found.push(`${entry.path} ${bytes}`);
  }
  assert.deepEqual(found, ["d/ 0", `d/big ${BIG}`]);
});

test("tar output: a file that became shorter is filled with zeros, and the archive stays one", async () => {
  for await (const { entry, body } of readTarStream(bigTar(BIG + 5000))) {
    let last = 7;
    for await (const part of body) last = part.at(-1) ?? last;
    assert.equal(last, entry.path === "d/" ? 7 : 0);
  }
});

test("tar input: bodies are read across chunks, unread ones stepped over, a cut is an unexpected EOF", () => {
  const whole = Buffer.concat(bigTar(BIG));
  const pieces = (bytes: Buffer): (() => Uint8Array | undefined) => {
    let at = 0;
    return () => {
      const piece = bytes.subarray(at, at + 1777);
      at += piece.length;
      return piece.length === 0 ? undefined : piece;
    };
  };
  const input = new TarInput(pieces(whole));
  assert.equal(input.entry()?.path, "d/");
  const big = input.entry();
  let end = 0;
  assert.ok(big !== undefined);
  input.body(big, (bytes, position) => {
    assert.equal(position, end);
    end += bytes.length;
  });
  assert.equal(end, BIG);
  assert.equal(input.entry(), undefined);
  const cut = new TarInput(pieces(whole.subarray(0, 5000)));
  assert.throws(() => {
    for (let entry = cut.entry(); entry !== undefined; entry = cut.entry()) cut.body(entry, () => undefined);
  }, /unexpected EOF/);
});
