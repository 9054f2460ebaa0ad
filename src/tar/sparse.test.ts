import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCode } from "#errors";
import type { SparseExtent } from "./entry.ts";
import { END, member, only, padded, pax, rawHeader, scan } from "./testArchive.ts";

const invalid = (error: unknown): boolean => hasCode(error, "INVALID_TAR");
const octal = (value: number): string => `${value.toString(8).padStart(11, "0")}\0`;
const table = (runs: readonly SparseExtent[]): string =>
  runs.map(({ offset, length }) => octal(offset) + octal(length)).join("");
const RUNS: readonly SparseExtent[] = [
  { offset: 0, length: 3 },
  { offset: 4096, length: 2 },
];
const MAGIC = "ustar  \0";

function oldGnu(runs: readonly SparseExtent[], realSize: number, stored: number): Buffer {
  const head = runs.slice(0, 4);
  const rest = runs.slice(4);
  const raw = [
    [386, table(head)],
    [482, rest.length > 0 ? "\x01" : "\0"],
    [483, octal(realSize)],
  ] as const;
  const extensions: Buffer[] = [];
  for (let at = 0; at < rest.length; at += 21) {
    const block = Buffer.alloc(512);
    block.write(table(rest.slice(at, at + 21)), 0, "latin1");
    block[504] = rest.length > at + 21 ? 1 : 0;
    extensions.push(block);
  }
  return Buffer.concat([
    rawHeader({ flag: "S", magic: MAGIC, size: stored, raw }),
    ...extensions,
    padded("d".repeat(stored)),
  ]);
}

test("old GNU sparse: four runs lie in the header", () => {
  const entry = only(oldGnu(RUNS, 8192, 5));
  assert.deepEqual([entry.type, entry.size, entry.storedSize, entry.dataOffset], ["file", 8192, 5, 512]);
  assert.deepEqual(entry.sparse, RUNS);
});

test("old GNU sparse: extension blocks move the data", () => {
  const runs = Array.from({ length: 50 }, (_, index) => ({ offset: index * 1024, length: 10 }));
  const entry = only(oldGnu(runs, 60_000, 500));
  assert.equal(entry.dataOffset, 512 + 3 * 512);
  assert.deepEqual(entry.sparse, runs);
});

test("old GNU sparse: the entry after it is found", () => {
  const archive = Buffer.concat([oldGnu(RUNS, 8192, 5), member({ name: "next" }), END]);
  assert.deepEqual(
    scan(archive, 100).map(({ path }) => path),
    ["file", "next"],
  );
});

test("PAX sparse 0.0: repeated records make the map", () => {
  const entry = only(
    pax([
      ["GNU.sparse.size", "8192"],
      ["GNU.sparse.numblocks", "2"],
      ["GNU.sparse.offset", "0"],
      ["GNU.sparse.numbytes", "3"],
      ["GNU.sparse.offset", "4096"],
      ["GNU.sparse.numbytes", "2"],
    ]),
    member({}, "abcde"),
  );
  assert.deepEqual(entry.sparse, RUNS);
  assert.equal(entry.size, 8192);
});

test("PAX sparse 0.1: the map is one record, the name another", () => {
  const records = [
    ["GNU.sparse.size", "8192"],
    ["GNU.sparse.numblocks", "2"],
    ["GNU.sparse.map", "0,3,4096,2"],
    ["GNU.sparse.name", "real/name"],
    ["path", "GNUSparseFile.1/name"],
  ] as const;
  const entry = only(pax(records), member({ name: "GNUSparseFile.1/name" }, "abcde"));
  assert.deepEqual(entry.sparse, RUNS);
  assert.equal(entry.path, "real/name");
});

const ONE = [
  ["GNU.sparse.major", "1"],
  ["GNU.sparse.minor", "0"],
  ["GNU.sparse.realsize", "8192"],
  ["GNU.sparse.name", "real"],
] as const;

test("PAX sparse 1.0: the map lies before the data", () => {
  const entry = only(pax(ONE), member({}, Buffer.concat([padded("2\n0\n3\n4096\n2\n"), Buffer.from("abcde")])));
  assert.deepEqual([entry.path, entry.size, entry.storedSize, entry.dataOffset], ["real", 8192, 5, 1024 + 1024]);
  assert.deepEqual(entry.sparse, RUNS);
});

test("PAX sparse 1.0: a map may span blocks", () => {
  const runs = Array.from({ length: 200 }, (_, index) => ({ offset: index * 4096, length: 1 }));
  const map = `200\n${runs.map(({ offset, length }) => `${offset}\n${length}\n`).join("")}`;
  const records = ONE.map(([key, value]) => [key, key === "GNU.sparse.realsize" ? "9999999" : value] as const);
  const entry = only(pax(records), member({}, Buffer.concat([padded(map), Buffer.alloc(200)])));
  assert.deepEqual(entry.sparse, runs);
  assert.equal(entry.storedSize, 200);
});

test("PAX sparse 1.0: a file of nothing but a hole", () => {
  const entry = only(pax(ONE), member({}, padded("1\n8192\n0\n")));
  assert.deepEqual([entry.size, entry.storedSize, entry.sparse], [8192, 0, []]);
});

test("PAX sparse: an unknown version is read as an ordinary file", () => {
  const entry = only(
    pax([
      ["GNU.sparse.major", "2"],
      ["GNU.sparse.minor", "0"],
    ]),
    member({}, "abc"),
  );
  assert.deepEqual([entry.size, entry.sparse], [3, undefined]);
});

test("sparse: empty runs are dropped", () => {
  const entry = only(oldGnu([...RUNS, { offset: 8192, length: 0 }], 8192, 5));
  assert.deepEqual(entry.sparse, RUNS);
});

test("sparse: overlapping, descending, overlong and mismatched maps are refused", () => {
  const bad: [readonly SparseExtent[], number, number][] = [
    [
      [
        { offset: 0, length: 3 },
        { offset: 2, length: 2 },
      ],
      100,
      5,
    ],
    [
      [
        { offset: 50, length: 3 },
        { offset: 0, length: 2 },
      ],
      100,
      5,
    ],
    [[{ offset: 98, length: 5 }], 100, 5],
    [RUNS, 8192, 6],
  ];
  for (const [runs, size, stored] of bad) assert.throws(() => scan(oldGnu(runs, size, stored)), invalid);
});

test("PAX sparse: odd counts, wrong order and junk in a map are refused", () => {
  const zeroOne = (map: string): Buffer =>
    Buffer.concat([
      pax([
        ["GNU.sparse.size", "9"],
        ["GNU.sparse.map", map],
      ]),
      member({}, "abc"),
      END,
    ]);
  for (const map of ["0,3,5", "a,b", "0,-3", "0;3"]) assert.throws(() => scan(zeroOne(map)), invalid, map);
  const disorder = pax([
    ["GNU.sparse.numblocks", "1"],
    ["GNU.sparse.numbytes", "3"],
    ["GNU.sparse.offset", "0"],
  ]);
  assert.throws(() => scan(Buffer.concat([disorder, member({}, "abc"), END])), invalid);
  for (const map of ["x\n", "\n", "1\n0\n", `${"1".repeat(30)}\n`]) {
    assert.throws(() => scan(Buffer.concat([pax(ONE), member({}, padded(map)), END])), invalid, JSON.stringify(map));
  }
});

test("old GNU sparse: a negative size is refused", () => {
  const raw = [[483, Buffer.alloc(12, 0xff)]] as const;
  assert.throws(() => scan(Buffer.concat([rawHeader({ flag: "S", magic: MAGIC, raw }), END])), invalid);
});
