/**
 * Makes `dist/`: JavaScript and declarations of what package.json exports, since Node strips no types below node_modules. Runs
 * before `npm pack`; nothing in this repository uses its result.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const OUT = resolve(process.argv[2] ?? join(ROOT, "dist"));

interface PackageJson {
  readonly imports: Readonly<Record<string, string>>;
}

function readPackage(): PackageJson {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as PackageJson;
}

/** tsc leaves ".ts" in declarations and in the URLs of workers. */
function rewrite(file: string): void {
  const text = readFileSync(file, "utf8");
  const changed = file.endsWith(".d.ts")
    ? text.replaceAll(/((?:from|import)\s*\(?\s*["']\.[^"']*)\.ts(["'])/g, "$1.js$2")
    : text.replaceAll(/(new URL\(\s*["']\.[^"']*\.worker)\.ts(["'])/g, "$1.js$2");
  if (changed !== text) writeFileSync(file, changed);
}

/** `#room` within dist/ means dist/'s rooms: the nearest package.json decides. */
function writeScope(): void {
  const rooms = new Set(readdirSync(OUT));
  const imports = Object.entries(readPackage().imports)
    .map(([name, path]) => [name, path.replace("./src/", "./").replace(/\.ts$/, ".js")] as const)
    .filter(([name]) => rooms.has(name.slice(1)));
  const scope = { type: "module", imports: Object.fromEntries(imports) };
  writeFileSync(join(OUT, "package.json"), `${JSON.stringify(scope, undefined, 2)}\n`);
}

rmSync(OUT, { recursive: true, force: true });
execFileSync(join(ROOT, "node_modules/.bin/tsc"), ["-p", join(ROOT, "tsconfig.build.json"), "--outDir", OUT], {
  stdio: "inherit",
});
for (const name of readdirSync(OUT, { recursive: true, encoding: "utf8" })) {
  if (/\.(js|d\.ts)$/.test(name)) rewrite(join(OUT, name));
}
writeScope();
