/**
 * Makes bundle/: the `varve` command as two scripts with their code caches, since loading its modules one by one is most of
 * what a short command costs (docs/adr/0019). Runs at the end of setup; `bin/varve` does without where there is none.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { build } from "esbuild";
import type { BuildOptions, Metafile, Plugin } from "esbuild";
import { LOADER, OUT, ROOT } from "./parts.ts";
import type { BundledFile, Manifest } from "./parts.ts";

const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "esnext",
  charset: "ascii",
  packages: "external",
  write: false,
  logLevel: "warning",
  tsconfigRaw: {},
};
const MAIN_ENTRY = `export { main } from "./src/cli/core/main.ts"; export { runProgram } from "./src/cli/core/program.ts";`;
/** Commands of every day: the smaller their script, the sooner they start. */
const EVERYDAY = new Set(
  "attach build containerActions copy create exec images inspect logs ps pull push removeImages run start stopContainers tag version"
    .split(" ")
    .map((name) => `src/cli/commands/${name}.ts`),
);
/** What everyday commands import when they must is not of every day. */
const isEveryday = (part: string): boolean =>
  EVERYDAY.has(part) || /^src\/cli\/(?:build|launch)\/(?!directoryTar|debugShell)/.test(part);
/** Not bundled themselves, but they decide what the bundle is. */
const MAKERS = [
  "package.json",
  ...["bundle.ts", "loader.ts", "parts.ts", "warmUp.ts"].map((name) => `tools/bundle/${name}`),
];
/** Node's own modules are loaded when something of them is used: node:crypto alone is 5 ms of a command that hashes nothing. */
const LAZY_REQUIRE = `const require = (name) => {
  let module;
  return new Proxy({}, { get: (_, key) => (module ??= process.getBuiltinModule(name))[key] });
};`;
const WARM_UP_MS = 60_000;
const DYNAMIC_IMPORT = /(?<!typeof )import\(\s*("[.#][^"]+")\s*\)/g;

const imports = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { imports: Record<string, string> })
  .imports;

/** The source that an `import()` in this file names, below the root. */
function partOf(specifier: string, importer: string): string {
  const room = imports[specifier];
  return room === undefined ? relative(ROOT, join(dirname(importer), specifier)) : room.slice("./".length);
}

/** Tells a module what it asks of its place: where it lies, and which part an `import()` loads, if `has` says that it is here. */
function places(has: (part: string) => boolean, left: Set<string>): Plugin {
  const loadPart = (call: string, part: string): string => {
    if (has(part)) return `__loadPart(${JSON.stringify(part)}, () => ${call})`;
    left.add(part);
    return `__loadPart(${JSON.stringify(part)})`;
  };
  return {
    name: "places",
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = readFileSync(path, "utf8")
          .replaceAll("import.meta.dirname", `(__root + ${JSON.stringify(`/${relative(ROOT, dirname(path))}`)})`)
          .replaceAll(DYNAMIC_IMPORT, (call, specifier: string) =>
            loadPart(call, partOf(JSON.parse(specifier) as string, path)),
          );
        if (contents.includes("import.meta")) throw new Error(`${path}: the bundle knows only import.meta.dirname`);
        return { contents, loader: "ts" };
      });
    },
  };
}

/** All that a source imports at once, itself included. */
function closure(inputs: Metafile["inputs"], from: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (path: string): void => {
    const input = inputs[path];
    if (input === undefined || found.has(path)) return;
    found.add(path);
    for (const one of input.imports) if (one.external !== true && one.kind !== "dynamic-import") visit(one.path);
  };
  visit(from);
  return found;
}

function manifestOf(inputs: Metafile["inputs"]): Manifest {
  const paths = [...Object.keys(inputs).filter((path) => path !== "<stdin>"), ...MAKERS];
  const indexes = new Map(paths.map((path, index) => [path, index]));
  const indexesOf = (part: Iterable<string>): readonly number[] => [...part].flatMap((path) => indexes.get(path) ?? []);
  const files = paths.map((path): BundledFile => {
    const { mtimeMs, size } = statSync(join(ROOT, path));
    return [path, mtimeMs, size];
  });
  const loaded = Object.values(inputs).flatMap((input) =>
    input.imports.filter(({ kind }) => kind === "dynamic-import"),
  );
  const parts = Object.fromEntries(loaded.map(({ path }) => [path, indexesOf(closure(inputs, path))]));
  return { files, parts: { ...parts, "": indexesOf([...closure(inputs, "<stdin>"), ...MAKERS]) } };
}

async function textOf(options: BuildOptions): Promise<{ readonly text: string; readonly metafile: Metafile }> {
  const { outputFiles = [], metafile } = await build({ ...COMMON, ...options, metafile: true });
  const [file] = outputFiles;
  if (file === undefined || metafile === undefined) throw new Error("esbuild made nothing");
  return { text: file.text, metafile };
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

/** A source that is written to while we read is read once more. Gives the script's path. */
async function makeScript(name: string, contents: string, plugin: Plugin): Promise<string> {
  const started = Date.now();
  const { text, metafile } = await textOf({ stdin: { contents, resolveDir: ROOT, loader: "ts" }, plugins: [plugin] });
  const manifest = manifestOf(metafile.inputs);
  if (manifest.files.some(([, mtimeMs]) => mtimeMs >= started)) return makeScript(name, contents, plugin);
  const body = `${LAZY_REQUIRE}\nconst module = { exports: {} };\n${text}\nreturn module.exports;`;
  const script = `({ manifest: ${JSON.stringify(JSON.stringify(manifest))}, open: function (__root, __loadPart) {\n${body}\n} })\n`;
  const path = join(OUT, `${name}-${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`);
  writeWhole(path, script);
  return path;
}

mkdirSync(OUT, { recursive: true });
const left = new Set<string>();
const main = await makeScript("varve", MAIN_ENTRY, places(isEveryday, left));
const table = [...left].map((part) => `${JSON.stringify(part)}: () => import(${JSON.stringify(`./${part}`)})`);
const everything = places(() => true, new Set());
const other = await makeScript("other", `export const parts = { ${table.join(", ")} };`, everything);
execFileSync(
  process.execPath,
  ["--disable-warning=ExperimentalWarning", "--", join(ROOT, "tools/bundle/warmUp.ts"), main, other],
  { stdio: ["ignore", "ignore", "inherit"], timeout: WARM_UP_MS },
);
const define = { MAIN: JSON.stringify(basename(main)), OTHER: JSON.stringify(basename(other)) };
const entryPoints = [join(ROOT, "tools/bundle/loader.ts")];
// The loader comes last: what it names is there.
writeWhole(LOADER, (await textOf({ entryPoints, define, minifyWhitespace: true })).text);
const kept = [basename(LOADER), basename(main), basename(other)];
for (const name of readdirSync(OUT)) {
  if (!kept.some((one) => name.startsWith(one))) rmSync(join(OUT, name), { force: true });
}
