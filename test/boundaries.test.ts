/**
 * The architecture as a table: which room may import which, which Node modules and packages it may use. A room imports
 * rooms of lower floors only; a peer only where its row says so. Change it by ADR.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";

interface Room {
  readonly rooms: readonly string[];
  /** Rooms of which only types may be imported: their code is handed in. */
  readonly types?: readonly string[];
  /** `node:` modules; "*" = any. */
  readonly node: readonly string[];
  readonly packages?: readonly string[];
}

const PURE = ["buffer", "crypto"];
const FILES = [
  "buffer",
  "crypto",
  "fs",
  "fs/promises",
  "path",
  "worker_threads",
  "events",
  "timers/promises",
  "stream",
  "stream/promises",
  "zlib",
  "util",
  "perf_hooks",
  "os",
];
const FLOOR_1 = ["errors", "gotext", "oci", "engineapi", "tar", "erofs"];
const FLOOR_2 = [...FLOOR_1, "host", "content", "metadata"];

const ROOMS: Readonly<Record<string, Room>> = {
  errors: { rooms: [], node: [] },
  gotext: { rooms: [], node: [] },
  oci: { rooms: ["errors"], node: PURE },
  engineapi: { rooms: ["errors", "gotext", "oci"], node: PURE },
  tar: { rooms: ["errors"], node: PURE },
  erofs: { rooms: ["errors", "tar"], node: PURE },
  dockerfile: { rooms: ["errors", "gotext"], node: PURE },
  host: { rooms: ["errors"], node: ["*"], packages: ["koffi"] },
  content: { rooms: ["errors", "oci", "host"], node: FILES },
  metadata: { rooms: ["errors", "oci"], node: [...FILES, "sqlite"] },
  layers: { rooms: FLOOR_2, node: FILES },
  // `sqlite`: the database of RPM packages.
  analysis: { rooms: ["errors", "oci", "tar", "erofs"], node: [...PURE, "sqlite", "path"] },
  remote: { rooms: ["errors", "oci"], node: [...FILES, "http", "https", "net", "tls", "url"] },
  transports: { rooms: ["errors", "oci", "tar", "erofs", "analysis", "remote"], node: FILES },
  snapshots: { rooms: [...FLOOR_2, "layers"], node: FILES },
  gc: { rooms: [...FLOOR_2, "layers", "snapshots"], node: FILES },
  images: { rooms: [...FLOOR_2, "layers", "remote", "snapshots", "gc"], node: FILES },
  networks: {
    rooms: ["errors", "gotext", "oci", "engineapi", "host", "metadata"],
    node: [...FILES, "net", "dgram", "dns"],
  },
  volumes: {
    rooms: ["errors", "gotext", "oci", "engineapi", "host", "metadata"],
    node: [...FILES, "dns/promises", "net"],
  },
  containers: {
    rooms: [...FLOOR_2, "layers", "snapshots", "images", "gc", "networks", "volumes"],
    // `tls`: a log driver may speak to a receiver behind it.
    node: [...FILES, "net", "tls", "dgram"],
  },
  build: {
    rooms: [
      ...FLOOR_2,
      "dockerfile",
      "layers",
      "remote",
      "snapshots",
      "images",
      "gc",
      "networks",
      "volumes",
      // RUN is a container without a record: its runtime, isolation and network code are one.
      "containers",
    ],
    node: ["*"],
  },
  engine: {
    rooms: [
      ...FLOOR_2,
      "layers",
      "remote",
      "snapshots",
      "images",
      "gc",
      "networks",
      "volumes",
      "containers",
      "build",
      "analysis",
    ],
    node: ["*"],
  },
  buildkit: {
    rooms: ["errors", "oci", "engineapi", "tar", "remote", "build"],
    node: [...FILES, "http", "http2", "net"],
  },
  api: {
    rooms: [
      "errors",
      "gotext",
      "oci",
      "engineapi",
      "analysis",
      "images",
      "networks",
      "volumes",
      "containers",
      "build",
      "buildkit",
      "remote",
    ],
    // Routes stand before an engine that they are given.
    types: ["engine"],
    node: ["*"],
  },
  daemon: { rooms: ["errors", "gotext", "engine", "buildkit", "api"], node: ["*"] },
  // `analysis`: an image of the store is open for looking into as those of archives are.
  sdk: { rooms: ["errors", "oci", "tar", "remote", "analysis", "transports", "client"], node: [] },
  client: { rooms: ["errors", "oci", "engineapi", "analysis"], node: ["*"] },
  // `build` sends directories, less what .dockerignore leaves out; `analysis`: archives are looked into without a daemon.
  cli: {
    rooms: ["errors", "gotext", "oci", "engineapi", "tar", "dockerfile", "remote", "analysis", "transports", "client"],
    node: ["*"],
  },
};

const SRC = resolve(import.meta.dirname, "../src");
const IMPORT =
  /\bfrom\s+["']([^"']+)["']|(?:^|\n)import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)|new URL\(\s*["']([^"']+\.ts)["']\s*,\s*import\.meta\.url/g;

/** Prose may say `from "here"` too. */
const COMMENT = /\/\*[^]*?\*\/|^\s*\/\/.*$/gm;

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

/** A statement that is gone when types are stripped. */
const TYPE_IMPORT = /^(?:import|export) type [^;]*?\bfrom\s+["']([^"']+)["']/gm;

interface Imports {
  readonly all: readonly string[];
  /** Those of `all` that some statement names for more than types. */
  readonly code: ReadonlySet<string>;
}

function specifiers(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match.slice(1).find((group) => group !== undefined) ?? "");
}

function importsOf(file: string): Imports {
  const text = readFileSync(file, "utf8").replace(COMMENT, "");
  return { all: specifiers(text, IMPORT), code: new Set(specifiers(text.replace(TYPE_IMPORT, ""), IMPORT)) };
}

const TEST_ONLY_PACKAGES = ["fast-check"];

function problem(name: string, room: Room, file: string, specifier: string, code: boolean): string | undefined {
  const isTest = file.endsWith(".test.ts");
  const where = `${relative(SRC, file)} imports ${specifier}`;
  if (specifier.startsWith("#")) {
    const target = specifier.slice(1);
    if (!code && room.types?.includes(target) === true) return undefined;
    return room.rooms.includes(target) || (isTest && target === name)
      ? undefined
      : `${where}: room ${name} may not import room ${target}`;
  }
  if (specifier.startsWith("node:")) {
    const module = specifier.slice(5);
    return isTest || room.node.includes("*") || room.node.includes(module)
      ? undefined
      : `${where}: room ${name} may not use it`;
  }
  if (specifier.startsWith(".")) {
    const target = resolve(dirname(file), specifier);
    if (relative(join(SRC, name), target).startsWith("..")) return `${where}: leaves its room, use #room`;
    return existsSync(target) ? undefined : `${where}: no such file`;
  }
  const allowed = [...(room.packages ?? []), ...(isTest ? TEST_ONLY_PACKAGES : [])];
  return allowed.some((pkg) => specifier === pkg || specifier.startsWith(`${pkg}/`))
    ? undefined
    : `${where}: package not in the room's row`;
}

test("boundaries: every room has its row and every row its room", () => {
  const rooms = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(rooms.map((entry) => entry.name).sort(), Object.keys(ROOMS).sort());
});

for (const [name, room] of Object.entries(ROOMS)) {
  test(`boundaries: ${name} imports only what its row allows`, () => {
    const problems = filesBelow(join(SRC, name)).flatMap((file) => {
      const { all, code } = importsOf(file);
      return all
        .map((specifier) => problem(name, room, file, specifier, code.has(specifier)))
        .filter((text) => text !== undefined);
    });
    assert.deepEqual(problems, []);
  });
}

test("boundaries: the table has no cycle", () => {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    assert.ok(!path.includes(name), `cycle: ${[...path, name].join(" → ")}`);
    if (done.has(name)) return;
    for (const next of [...(ROOMS[name]?.rooms ?? []), ...(ROOMS[name]?.types ?? [])]) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of Object.keys(ROOMS)) visit(name, []);
});
