import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isEngineError } from "#errors";
import { TAR_END, encodeTarHeader, tarPadding } from "./encode.ts";
import type { TarHeader } from "./encode.ts";
import type { TarEntry } from "./entry.ts";
import { TarScanner } from "./scanner.ts";
import { pax, rawHeader, scan } from "./testArchive.ts";

const SEED = 20_260_401;

const byteName = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))).toString("latin1"));
const common = {
  path: byteName,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  gid: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  mtimeSeconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  mtimeNanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  xattrs: fc.option(
    fc
      .dictionary(fc.stringMatching(/^user\.[a-z]{1,9}$/), fc.uint8Array({ maxLength: 99 }), { minKeys: 1, maxKeys: 3 })
      .map((o) => new Map(Object.entries(o))),
    { nil: undefined },
  ),
};
const device = fc.integer({ min: 0, max: 2 ** 20 });
const anyHeader: fc.Arbitrary<TarHeader> = fc.oneof(
  fc.record({ ...common, type: fc.constant("file" as const), size: fc.integer({ min: 0, max: 2000 }) }),
  fc.record({ ...common, type: fc.constantFrom("directory" as const, "fifo" as const) }),
  fc.record({ ...common, type: fc.constantFrom("symlink" as const, "hardlink" as const), linkPath: byteName }),
  fc.record({
    ...common,
    type: fc.constantFrom("char" as const, "block" as const),
    deviceMajor: device,
    deviceMinor: device,
  }),
);

function archiveOf(headers: readonly TarHeader[]): Buffer {
  const parts = headers.flatMap((header) => {
    const size = header.type === "file" ? (header.size ?? 0) : 0;
    return [encodeTarHeader(header), Buffer.alloc(size, "x"), tarPadding(size)];
  });
  return Buffer.concat([...parts, TAR_END]);
}

function written(header: TarHeader): unknown {
  const isDirectory = header.type === "directory";
  return {
    size: 0,
    linkPath: "",
    deviceMajor: 0,
    deviceMinor: 0,
    ...header,
    path: isDirectory ? `${header.path}/` : header.path,
    xattrs: entriesOf(header.xattrs),
  };
}

function entriesOf(xattrs: ReadonlyMap<string, Uint8Array> | undefined): unknown {
  return xattrs === undefined
    ? undefined
    : [...xattrs].map(([name, value]) => [name, [...value]]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
}

function read({ xattrs, ...entry }: TarEntry): unknown {
  const { dataOffset, storedSize, sparse, ...header } = entry;
  assert.ok(dataOffset > 0 && storedSize === entry.size && sparse === undefined);
  return { ...header, xattrs: entriesOf(xattrs) };
}

test("round trip: the scanner reads what the writer wrote, in chunks of any size", () => {
  fc.assert(
    fc.property(fc.array(anyHeader, { maxLength: 6 }), fc.integer({ min: 1, max: 3000 }), (headers, chunkBytes) => {
      assert.deepEqual(scan(archiveOf(headers), chunkBytes).map(read), headers.map(written));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

const SPARSE = [
  ["GNU.sparse.major", "1"],
  ["GNU.sparse.minor", "0"],
  ["GNU.sparse.realsize", "8192"],
] as const;
const CORPUS: readonly Buffer[] = [
  archiveOf([
    { path: "a".repeat(150), type: "file", size: 700, xattrs: new Map([["user.a", new Uint8Array([1, 2])]]) },
    { path: "d", type: "directory", mtimeSeconds: 1, mtimeNanoseconds: 5 },
    { path: "l", type: "symlink", linkPath: "t".repeat(120) },
  ]),
  Buffer.concat([
    pax([["uid", "5"]], "g"),
    pax(SPARSE),
    rawHeader({ size: 517 }),
    Buffer.from("2\n0\n3\n4096\n2\n".padEnd(512, "\0")),
    Buffer.alloc(512),
    TAR_END,
  ]),
  Buffer.concat([
    rawHeader({ flag: "L", size: 5 }),
    Buffer.from("name\0".padEnd(512, "\0")),
    rawHeader({ flag: "S", magic: "ustar  \0", raw: [[482, "\x01"]] }),
    Buffer.alloc(512),
    TAR_END,
  ]),
];

/** Sums are mended so that mutations get past the checksum. */
function mendChecksums(archive: Buffer): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    const block = archive.subarray(at, at + 512);
    if (!block.toString("latin1", 257, 262).startsWith("ustar")) continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
}

test("fuzz: mutated archives end in entries or in an EngineError, never in anything else", () => {
  const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
  const input = fc.record({
    archive: fc.constantFrom(...CORPUS),
    mutations: fc.array(mutation, { minLength: 1, maxLength: 12 }),
    cut: fc.nat(),
    chunkBytes: fc.integer({ min: 1, max: 2000 }),
  });
  fc.assert(
    fc.property(input, ({ archive, mutations, cut, chunkBytes }) => {
      const bytes = Buffer.from(archive);
      for (const { at, byte } of mutations) bytes[at % bytes.length] = byte;
      mendChecksums(bytes);
      const end = cut % 4 === 0 ? cut % bytes.length : bytes.length;
      try {
        for (const entry of scan(bytes.subarray(0, end), chunkBytes, { maxEntries: 100 }))
          assert.ok(Number.isSafeInteger(entry.size));
      } catch (error) {
        if (!isEngineError(error)) throw error;
      }
    }),
    { seed: SEED, numRuns: 3000 },
  );
});

test("fuzz: random bytes never pass as an archive with entries", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 2048 }), (bytes) => {
      const scanner = new TarScanner({ onEntry: () => assert.fail("an entry out of noise") });
      try {
        scanner.push(bytes);
        scanner.finish();
      } catch (error) {
        if (!isEngineError(error)) throw error;
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});
