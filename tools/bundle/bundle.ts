/**
 * Makes bundle/: the `varve` command as one script with its code cache, since loading its modules one by one is most of
 * what a short command costs (docs/adr/0019). Runs at the end of setup; `bin/varve` does without where there is none.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import type { BuildOptions, Metafile, Plugin } from "esbuild";
import type { BundledFile, Manifest } from "./parts.ts";
import { LOADER, OUT, ROOT } from "./parts.ts";

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
const DYNAMIC_IMPORT = /(?<!typeof )import\(\s*("[.#][^"]+")\s*\)/g;
const ENTRY = `export { main } from "./src/cli/core/main.ts"; export { runProgram } from "./src/cli/core/program.ts";`;
/** Node's own modules are loaded when something of them is used: node:crypto alone is 5 ms of a command that hashes nothing. */
const LAZY_REQUIRE = `const require = (name) => {
  let module;
  return new Proxy({}, { get: (_, key) => (module ??= process.getBuiltinModule(name))[key] });
};`;
/** Not bundled themselves, but they decide what the bundle is. */
const MAKERS = [
  "package.json",
  ...["bundle.ts", "loader.ts", "parts.ts", "warmUp.ts"].map((name) => `tools/bundle/${name}`),
];

const imports = (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { imports: Record<string, string> })
  .imports;

/** The source that an `import()` in this file names, below the root. */
function partOf(specifier: string, importer: string): string {
  const room = imports[specifier];
  return room === undefined ? relative(ROOT, join(dirname(importer), specifier)) : room.slice("./".length);
}

/** Tells what a module asks of its place: where it lies, and which part an `import()` loads. */
const places: Plugin = {
  name: "places",
  setup(builder) {
    builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text
        .replaceAll("import.meta.dirname", `(__root + ${JSON.stringify(`/${relative(ROOT, dirname(path))}`)})`)
        .replaceAll(DYNAMIC_IMPORT, (call, specifier: string) => {
          const part = partOf(JSON.parse(specifier) as string, path);
          return `__loadPart(${JSON.stringify(part)}, () => ${call})`;
        });
      if (contents.includes("import.meta")) throw new Error(`${path}: only import.meta.dirname is known to the bundle`);
      return { contents, loader: "ts" };
    });
  },
};

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

/** One that is written to while we read is bundled once more. */
async function bundleScript(): Promise<string> {
  const started = Date.now();
  const stdin = { contents: ENTRY, resolveDir: ROOT, loader: "ts" } as const;
  const { text, metafile } = await textOf({ stdin, plugins: [places] });
  const manifest = manifestOf(metafile.inputs);
  if (manifest.files.some(([, mtimeMs]) => mtimeMs >= started)) return bundleScript();
  const open = `function (__root, __loadPart) {\n${LAZY_REQUIRE}\nconst module = { exports: {} };\n${text}\nreturn module.exports;\n}`;
  return `({ manifest: ${JSON.stringify(JSON.stringify(manifest))}, open: ${open} })\n`;
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, path);
}

const script = await bundleScript();
const name = `varve-${createHash("sha256").update(script).digest("hex").slice(0, 16)}.js`;
const loader = await textOf({
  entryPoints: [join(ROOT, "tools/bundle/loader.ts")],
  define: { SCRIPT: JSON.stringify(name) },
  minifyWhitespace: true,
});
mkdirSync(OUT, { recursive: true });
writeWhole(join(OUT, name), script);
execFileSync(
  process.execPath,
  ["--disable-warning=ExperimentalWarning", "--", join(ROOT, "tools/bundle/warmUp.ts"), join(OUT, name)],
  { stdio: ["ignore", "ignore", "inherit"] },
);
// The loader comes last: what it names is there.
writeWhole(LOADER, loader.text);
for (const other of readdirSync(OUT)) {
  if (other !== "varve.cjs" && !other.startsWith(name)) rmSync(join(OUT, other), { force: true });
}
