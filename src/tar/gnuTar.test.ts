/** Against GNU tar: what it writes we read, what we write it reads. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
  linkSync,
  mkdirSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readTarStream, writeTarStream } from "./stream.ts";
import { scan } from "./testArchive.ts";

const version = ((): string => {
  try {
    return execFileSync("tar", ["--version"], { encoding: "utf8" });
  } catch {
    return "";
  }
})();
const skip = version.includes("GNU tar") ? false : "GNU tar is not installed";
const LONG = "n".repeat(140);

describe("GNU tar", { skip }, () => {
  let folder = "";
  const tar = (...args: readonly string[]): Buffer =>
    execFileSync("tar", ["-C", join(folder, "tree"), ...args], { maxBuffer: 1 << 26 });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "varve-tar-"));
    const tree = join(folder, "tree");
    mkdirSync(join(tree, "dir"), { recursive: true });
    writeFileSync(join(tree, "dir", "file"), "content");
    writeFileSync(join(tree, LONG), "long");
    writeFileSync(join(tree, "ünï"), "");
    symlinkSync("t".repeat(130), join(tree, "symlink"));
    linkSync(join(tree, "dir", "file"), join(tree, "hardlink"));
    utimesSync(join(tree, "dir", "file"), 1_000_000_000.25, 1_000_000_000.25);
    makeSparse(join(tree, "sparse"));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test("reads what GNU tar writes: every format gives the same names, types and sizes", () => {
    const listOf = (...args: readonly string[]): unknown =>
      scan(tar("-c", ...args, "--exclude=sparse", "--sort=name", "."), 1000).map(({ path, type, size, linkPath }) => [
        path,
        type,
        size,
        linkPath,
      ]);
    const expected = listOf("--format=posix");
    assert.equal(Array.isArray(expected) && expected.length, 7);
    for (const format of ["gnu", "oldgnu"]) assert.deepEqual(listOf(`--format=${format}`), expected, format);
  });

  test("reads what GNU tar writes: the nanoseconds of a POSIX archive", () => {
    const file = scan(tar("-c", "--format=posix", "dir/file"))[0];
    assert.deepEqual([file?.mtimeSeconds, file?.mtimeNanoseconds], [1_000_000_000, 250_000_000]);
  });

  for (const format of [
    "gnu",
    "posix --sparse-version=0.0",
    "posix --sparse-version=0.1",
    "posix --sparse-version=1.0",
  ]) {
    test(`reads what GNU tar writes: sparse, --format=${format}`, async () => {
      const archive = tar("-c", "--sparse", ...`--format=${format}`.split(" "), "sparse", "dir/file");
      const original = readFileSync(join(folder, "tree", "sparse"));
      const seen: string[] = [];
      for await (const { entry, body } of readTarStream([archive])) {
        seen.push(entry.path);
        const bytes = Buffer.concat(await Array.fromAsync(body));
        if (entry.path !== "sparse") continue;
        assert.ok(entry.storedSize < entry.size);
        assert.ok(bytes.equals(original));
      }
      assert.deepEqual(seen, ["sparse", "dir/file"]);
    });
  }

  test("GNU tar reads what we write: names, sizes, times and links", async () => {
    const chunks = await Array.fromAsync(
      writeTarStream([
        { header: { path: "out", type: "directory", mode: 0o750, mtimeSeconds: 5 } },
        {
          header: {
            path: `out/${LONG}`,
            type: "file",
            size: 3,
            mode: 0o640,
            mtimeSeconds: 9,
            mtimeNanoseconds: 500_000_000,
          },
          body: [Buffer.from("abc")],
        },
        { header: { path: `out/${"\xff".repeat(120)}`, type: "file", mode: 0o600 } },
        { header: { path: "out/link", type: "symlink", linkPath: LONG } },
        { header: { path: "out/hard", type: "hardlink", linkPath: `out/${LONG}` } },
      ]),
    );
    const archive = join(folder, "ours.tar");
    writeFileSync(archive, Buffer.concat(chunks));
    tar("--warning=no-unknown-keyword", "-xf", archive);
    const file = statSync(join(folder, "tree", "out", LONG), { bigint: true });
    assert.deepEqual([file.size, file.mode & 0o7777n, file.mtimeNs, file.nlink], [3n, 0o640n, 9_500_000_000n, 2n]);
    assert.equal(readFileSync(join(folder, "tree", "out", "link"), "utf8"), "abc");
    assert.ok(statSync(Buffer.concat([Buffer.from(join(folder, "tree", "out/")), Buffer.alloc(120, 0xff)])).isFile());
  });
});

function makeSparse(path: string): void {
  const file = openSync(path, "w");
  for (let run = 0; run < 30; run += 1) writeSync(file, Buffer.alloc(4096, run + 1), 0, 4096, run * 65_536 + 8192);
  closeSync(file);
  truncateSync(path, 3_000_000);
}
