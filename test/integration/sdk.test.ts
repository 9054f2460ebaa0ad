/**
 * The SDK as its users have it: examples out of the sources, and the packed package installed in a folder of its own, where
 * tsc finds its types and Node its JavaScript. One example runs as nobody. Needs no root and no network; as root, it also
 * shows that none is needed.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import {
  dockerArchiveOf,
  imageOf,
  layoutOf,
  startRegistry,
  tarOf,
} from "../../src/transports/transports.testkit.test.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NOBODY = 65_534;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "varve-sdk-"));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true }));

const BASE = tarOf([{ path: "etc/motd", type: "file", data: "hello" }]);
const UPPER = tarOf([{ path: "etc/motd", type: "file", data: "good morning", mode: 0o600 }]);
const GONE = tarOf([{ path: "etc/.wh.motd", type: "file" }]);
const IMAGE = imageOf([BASE, UPPER, GONE], { extra: { config: { Cmd: ["/bin/sh"] } } });
const archive = join(folder, "image.tar");
writeFileSync(archive, dockerArchiveOf([IMAGE]));

interface Caller {
  /** Where `varve` is found from; default: the sources. */
  readonly cwd?: string;
  readonly uid?: number;
}

/** An example's output. */
async function example(name: string, args: readonly string[], { cwd, uid }: Caller = {}): Promise<string> {
  const file = join(cwd ?? ROOT, "examples", name);
  const conditions = cwd === undefined ? ["--conditions=varve-source"] : [];
  const options = {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  };
  const { stdout } = await run(process.execPath, [...conditions, file, ...args], options);
  return stdout;
}

test("sdk example: a remote image is told without its layers", async () => {
  await using registry = await startRegistry(layoutOf([IMAGE], { form: "gzip" }));
  const output = await example("inspectRemote.ts", [`registry:${registry.host}/made:1`, "linux/amd64"]);
  assert.match(output, /^manifest sha256:[0-9a-f]{64}\nimage +sha256:[0-9a-f]{64}\nplatform linux\/amd64\n/);
  assert.match(output, /command {2}\["\/bin\/sh"\]\n(layer {4}\d+ bytes, step \d: step \d\n){3}$/);
  assert.equal(registry.requests.filter((path) => path.includes("/blobs/")).length, 1, "the config alone is fetched");
});

test("sdk example: history of a file", async () => {
  const output = await example("fileHistory.ts", [`docker-archive:${archive}`, "etc/motd"]);
  assert.match(
    output,
    /^0 added, 5 bytes wasted: step 0\n1 changed \(.*\).*: step 1\n2 removed \(whiteout of etc\/motd\): step 2\n$/,
  );
  assert.equal(await example("fileHistory.ts", [`docker-archive:${archive}`, "nothing"]), "nothing is in no layer\n");
});

const isRoot = process.getuid?.() === 0;

test("sdk example: a directory becomes the same image, as root and as nobody", async () => {
  const site = join(folder, "site");
  mkdirSync(join(site, "img"), { recursive: true });
  writeFileSync(join(site, "index.html"), "<h1>hello</h1>");
  writeFileSync(join(site, "img/a.svg"), "<svg/>");
  const out = join(folder, "out");
  mkdirSync(out);
  chmodSync(out, 0o777);
  const first = await example("directoryToImage.ts", [site, `oci-layout:${out}/one`]);
  const caller = isRoot ? { uid: NOBODY } : {};
  const second = await example("directoryToImage.ts", [site, `docker-archive:${out}/two.tar:site:1`], caller);
  assert.match(first, /^sha256:[0-9a-f]{64}: 3 blobs written, 0 there already\n$/);
  assert.equal(first.slice(0, 71), second.slice(0, 71));
  await using registry = await startRegistry({ files: new Map(), manifest: "" });
  const pushed = await example("directoryToImage.ts", [site, `registry:${registry.host}/made:1`], caller);
  assert.equal(pushed, `${first.slice(0, 71)}: 2 blobs written, 0 there already\n`);
  const remote = await example("inspectRemote.ts", [`registry:${registry.host}/made:1`]);
  const output = await example("inspectRemote.ts", [`oci-layout:${out}/one`]);
  assert.equal(remote, output);
  assert.ok(output.startsWith(`manifest ${first.slice(0, 71)}\n`));
});

const STATUS = `Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: tool
Status: install ok installed
Architecture: all
Version: 1:2.0-1
`;

test("sdk example: packages of an image in an OCI layout", async () => {
  const image = imageOf([tarOf([{ path: "var/lib/dpkg/status", type: "file", data: STATUS }]), UPPER]);
  const path = join(folder, "debian.tar");
  writeFileSync(path, dockerArchiveOf([image], "gzip"));
  const output = await example("listPackages.ts", [`docker-archive:${path}`]);
  assert.equal(output, "dpkg libc6 2.36-9 amd64\ndpkg tool 1:2.0-1 all\n");
});

test("sdk example: two archives beside each other", async () => {
  const other = imageOf([
    BASE,
    tarOf([
      { path: "etc/motd", type: "file", data: "hello, all", mode: 0o600, mtimeSeconds: 5 },
      { path: "new", type: "symlink", linkPath: "etc" },
    ]),
  ]);
  const [one, two] = [imageOf([BASE, tarOf([{ path: "old", type: "fifo" }])]), other].map((image, index) => {
    const path = join(folder, `compared-${index}.tar`);
    writeFileSync(path, dockerArchiveOf([image]));
    return `docker-archive:${path}`;
  });
  const output = await example("compareArchives.ts", [one ?? "", two ?? ""]);
  assert.match(output, /^changed etc\/motd \(.*content.*\)\nadded new\nremoved old\n$/);
  assert.equal(await example("compareArchives.ts", [one ?? "", one ?? ""]), "");
});

/** What `npm pack` runs before, unless scripts are switched off; then `npm pack` and what `npm install` would lay down; koffi, which only `varve/layers` needs, is the repository's. */
async function install(): Promise<string> {
  const project = join(folder, "project");
  const modules = join(project, "node_modules");
  mkdirSync(modules, { recursive: true });
  await run("sh", [join(ROOT, "tools/node.sh"), join(ROOT, "tools/buildSdk.ts")]);
  const npm = ["pack", "--offline", "--ignore-scripts", "--loglevel=error", "--pack-destination", project];
  await run("npm", npm, { cwd: ROOT, env: { ...process.env, npm_config_cache: join(folder, "npm") } });
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"));
  assert.ok(tarball !== undefined);
  await run("tar", ["-xzf", tarball], { cwd: project });
  cpSync(join(project, "package"), join(modules, "varve"), { recursive: true });
  for (const name of ["koffi", "@koromix", "@types", "undici-types"])
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  cpSync(join(ROOT, "examples"), join(project, "examples"), { recursive: true });
  return project;
}

const CONSUMER = `import { openImage, scoreImage, readImageTree, type OpenImage, type LayerEntry } from "varve";
import { parseReference, type Reference } from "varve/oci";
import { TarScanner } from "varve/tar";
import { LayerTree } from "varve/erofs";
import { openLayerStore, type LayerStore } from "varve/layers";
import { openMetadata } from "varve/metadata";
import { createRegistryClient } from "varve/remote";
import { compileGlob } from "varve/analysis";
import { parseDockerfile } from "varve/dockerfile";
import { parseImageSource } from "varve/transports";

const reference: Reference = parseReference("nginx:1");
await using image: OpenImage = await openImage(process.argv[2] ?? "");
const entries: readonly LayerEntry[] = await image.readLayer(0);
const metadata = openMetadata(process.argv[3] + "/varve.db");
const store: LayerStore = await openLayerStore({ root: process.argv[3] + "/layers", records: metadata.layers });
await using writer = await store.ingestTar();
await writer.write(new Uint8Array(1024));
const { layer } = await writer.commit();
await store.close();
// @ts-expect-error -- a size is a number
const wrong: string = entries[0]?.size;
const loaded = [TarScanner, LayerTree, createRegistryClient, compileGlob, parseDockerfile, parseImageSource];
const { efficiency } = scoreImage(await readImageTree(image));
console.log(JSON.stringify({ path: reference.path, entries: entries.length, efficiency: efficiency < 1, tar: layer.tarBytes, loaded: loaded.length, wrong: typeof wrong }));
`;

test("sdk: packed, installed in a folder of its own, compiled against and run", async () => {
  const project = await install();
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", dependencies: { varve: "*" } }));
  writeFileSync(join(project, "consumer.ts"), CONSUMER);
  const compilerOptions = {
    target: "esnext",
    lib: ["esnext"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    noEmit: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
  };
  writeFileSync(
    join(project, "tsconfig.json"),
    JSON.stringify({ compilerOptions, include: ["consumer.ts", "examples"] }),
  );
  await run(join(ROOT, "node_modules/.bin/tsc"), ["-p", project]).catch((error: unknown) => {
    assert.fail(String(Reflect.get(Object(error), "stdout")));
  });
  const { stdout } = await run(process.execPath, ["consumer.ts", `docker-archive:${archive}`, folder], {
    cwd: project,
  });
  assert.deepEqual(JSON.parse(stdout), {
    path: "library/nginx",
    entries: 2,
    efficiency: true,
    tar: 1024,
    loaded: 6,
    wrong: "number",
  });
  const caller = { cwd: project, ...(isRoot ? { uid: NOBODY } : {}) };
  assert.match(await example("fileHistory.ts", [`docker-archive:${archive}`, "etc/motd"], caller), /^0 added/);
  const packed = JSON.parse(readFileSync(join(project, "package/package.json"), "utf8")) as { exports: object };
  for (const name of Object.keys(packed.exports).filter((name) => name.startsWith("./") && !name.endsWith(".json"))) {
    const script = `await import(${JSON.stringify(name.replace(".", "varve"))})`;
    await run(process.execPath, ["--input-type=module", "-e", script], { cwd: project });
  }
});
