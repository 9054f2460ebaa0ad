import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { LayerEntry, OpenImage } from "#analysis";
import { hasCode, isNotFound } from "#errors";
import { openImage } from "#transports";
import type { OpenImageOptions } from "#transports";
import {
  archiveOfLayout,
  collect,
  compress,
  dockerArchiveOf,
  imageOf,
  layoutOf,
  newFolder,
  noise,
  sha256,
  startRegistry,
  tarOf,
  writeLayout,
} from "./transports.testkit.test.ts";
import type { Form } from "./transports.testkit.test.ts";

const BIG = noise(3_000_000);
const BASE = tarOf([
  { path: "etc/", type: "directory", mode: 0o755 },
  { path: "etc/passwd", type: "file", data: "root:x:0:0", mode: 0o644, mtimeSeconds: 7 },
  { path: "etc/alias", type: "hardlink", linkPath: "etc/passwd" },
  { path: "big", type: "file", data: BIG },
  { path: "usr/bin/tool", type: "file", data: "tool", mode: 0o4755 },
]);
const UPPER = tarOf([
  { path: "etc/.wh.passwd", type: "file" },
  { path: "usr/.wh..wh..opq", type: "file" },
  { path: "link", type: "symlink", linkPath: "big" },
]);
const IMAGE = imageOf([BASE, UPPER], { extra: { config: { Env: ["A=1"] } } });

const folder = await newFolder();
after(() => folder[Symbol.asyncDispose]());

async function asSources(form: Form): Promise<readonly string[]> {
  const layout = layoutOf([IMAGE], { form });
  const directory = join(folder.path, `layout-${form}`);
  await writeLayout(layout, directory);
  const docker = dockerArchiveOf([IMAGE], form);
  return [
    `docker-archive:${await folder.write(`docker-${form}.tar`, docker)}`,
    `docker-archive:${await folder.write(`docker-${form}.tar.gz`, compress(docker, "gzip"))}`,
    `docker-archive:${await folder.write(`docker-${form}.tar.zst`, compress(docker, "zstd"))}`,
    `oci-archive:${await folder.write(`oci-${form}.tar`, archiveOfLayout(layout))}`,
    `oci-layout:${directory}`,
  ];
}

async function check(image: OpenImage): Promise<void> {
  assert.equal(image.imageId, sha256(IMAGE.rawConfig));
  assert.deepEqual(image.config.config?.Env, ["A=1"]);
  assert.deepEqual(
    image.layers.map(({ diffId, step, history }) => [diffId, step, history?.created_by]),
    IMAGE.tars.map((tar, index) => [sha256(tar), index + 1, `step ${index}`]),
  );
  const brief = (entries: readonly LayerEntry[]): string[] =>
    entries.map(({ path, type, whiteout, opaque, implied, hardLink, size }) =>
      [
        path,
        type,
        size,
        ...Object.entries({ whiteout, opaque, implied, hardLink }).flatMap(([k, v]) => (v ? [k] : [])),
      ].join(" "),
    );
  assert.deepEqual(brief(await image.readLayer(1)), [
    "etc directory 0 implied",
    "etc/passwd char 0 whiteout",
    "link symlink 0",
    "usr directory 0 opaque implied",
  ]);
  assert.deepEqual(brief(await image.readLayer(0)), [
    `big file ${BIG.length}`,
    "etc directory 0",
    "etc/alias file 10",
    "etc/passwd file 0 hardLink",
    "usr directory 0 implied",
    "usr/bin directory 0 implied",
    "usr/bin/tool file 4",
  ]);
  assert.equal((await collect(image.readFile(0, "etc/passwd"))).toString(), "root:x:0:0");
  assert.equal((await collect(image.readFile(0, "etc/alias"))).toString(), "root:x:0:0");
  assert.ok((await collect(image.readFile(0, "big"))).equals(BIG));
  for (const path of ["etc", "nothing", ""]) await assert.rejects(collect(image.readFile(0, path)), isNotFound);
  await assert.rejects(collect(image.readFile(1, "etc/passwd")), isNotFound);
  await assert.rejects(image.readLayer(2), isNotFound);
}

for (const form of ["none", "gzip", "zstd"] as const) {
  const bounds: readonly OpenImageOptions[] = [{}, { verify: false }];
  for (const options of bounds) {
    test(`openImage: archives and layouts with layers of ${form}, ${JSON.stringify(options)}`, async () => {
      for (const source of await asSources(form)) {
        await using image = await openImage(source, options);
        assert.equal(image.name, source);
        assert.equal(image.manifestDigest === undefined, source.startsWith("docker-archive"));
        await check(image);
      }
    });
  }

  test(`openImage: a file is read out of the stream where no temporary file may be made, layers of ${form}`, async () => {
    const sources = (await asSources(form)).filter((source) => !/\.(gz|zst)$/.test(source));
    for (const source of sources) {
      await using image = await openImage(source, { maxTemporaryBytes: 0 });
      await check(image);
    }
  });

  test(`openImage: a registry gives manifest and config, layers when they are asked for; ${form}`, async () => {
    const layout = layoutOf([IMAGE], { form });
    await using registry = await startRegistry(layout);
    await using image = await openImage(`registry:${registry.host}/made:1`, { platform: "linux/amd64" });
    const blobs = (): string[] => registry.requests.filter((path) => path.includes("/blobs/"));
    assert.deepEqual(blobs(), [`/v2/made/blobs/${image.imageId}`]);
    assert.equal(image.manifestDigest, layout.manifest);
    assert.deepEqual(
      image.layers.map(({ blob }) => blob?.size),
      IMAGE.tars.map((tar) => compress(tar, form).length),
    );
    await check(image);
    assert.equal(blobs().length, 3, "each layer is fetched once");
  });
}

test("openImage: a hard link to a file of a lower layer has that file's bytes, unless a layer between hides it", async () => {
  const link = tarOf([
    { path: "alias", type: "hardlink", linkPath: "etc/passwd" },
    { path: "tool", type: "hardlink", linkPath: "usr/bin/tool" },
  ]);
  const middle = tarOf([{ path: "usr/.wh.bin", type: "file" }]);
  const image = imageOf([BASE, middle, link]);
  await using opened = await openImage(`docker-archive:${await folder.write("below.tar", dockerArchiveOf([image]))}`);
  const [alias, tool] = await opened.readLayer(2);
  assert.deepEqual([alias?.hardLink, alias?.target, alias?.size], [true, "etc/passwd", 0]);
  assert.equal(tool?.target, "usr/bin/tool");
  assert.equal((await collect(opened.readFile(2, "alias"))).toString(), "root:x:0:0");
  await assert.rejects(collect(opened.readFile(2, "tool")), /layer 2 has no regular file "tool"/);
});

test("openImage: an archive out of a pipe", async () => {
  const path = await folder.write("piped.tar", dockerArchiveOf([IMAGE]));
  const script = `const { openImage } = await import("#transports");
    await using image = await openImage("docker-archive:/dev/stdin");
    console.log((await image.readLayer(0)).length);`;
  // The shell's pipe is a pipe; those that Node makes are sockets, which no path opens.
  const child = spawn(
    "sh",
    ["-c", 'cat "$1" | "$2" --input-type=module -e "$3"', "sh", path, process.execPath, script],
    {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: join(import.meta.dirname, "../.."),
    },
  );
  assert.equal((await collect(child.stdout)).toString(), "7\n");
});

const refuses = async (source: string, expected: RegExp, options: OpenImageOptions = {}): Promise<void> => {
  await assert.rejects(openImage(source, options), (error) => {
    assert.match(String(error), expected);
    return !String(error).includes("\n");
  });
};

test("openImage: which image of several, by name, by digest, by platform", async () => {
  const other = imageOf([UPPER], { name: "other:2", architecture: "arm64" });
  const docker = `docker-archive:${await folder.write("two.tar", dockerArchiveOf([IMAGE, other]))}`;
  const layout = layoutOf([IMAGE, other]);
  const oci = `oci-archive:${await folder.write("two-oci.tar", archiveOfLayout(layout))}`;
  for (const source of [docker, oci]) {
    await refuses(source, /holds several images: name one of made:1, other:2/);
    await refuses(`${source}:third`, /holds no image "third": there is made:1, other:2/);
    await refuses(`${source}:made:1`, /no matching manifest for linux\/arm64/, { platform: "linux/arm64" });
    for (const name of ["other:2", "docker.io/library/other:2"]) {
      await using image = await openImage(`${source}:${name}`);
      assert.equal(image.imageId, sha256(other.rawConfig));
    }
  }
  await using byDigest = await openImage(`${oci}@${layout.manifest}`);
  assert.equal(byDigest.imageId, sha256(other.rawConfig));
  const nested = layoutOf([IMAGE, other], { nested: true });
  const multi = `oci-archive:${await folder.write("multi.tar", archiveOfLayout(nested))}`;
  await using arm = await openImage(multi, { platform: "linux/arm64" });
  assert.equal(arm.imageId, sha256(other.rawConfig));
  await refuses(multi, /no matching manifest for linux\/s390x/, { platform: "linux/s390x" });
});

test("openImage: without a platform, an image for another machine is better than none", async () => {
  const foreign = imageOf([UPPER], { architecture: "s390x" });
  const path = await folder.write("foreign.tar", archiveOfLayout(layoutOf([foreign])));
  await using image = await openImage(`oci-archive:${path}`);
  assert.equal(image.config.architecture, "s390x");
});

test("openImage: what is not there, not an archive, or names no source", async () => {
  await refuses("docker-archive:/no/such/file", /open \/no\/such\/file: no such file or directory/);
  await refuses(`docker-archive:${folder.path}`, /is a directory/);
  await refuses(`oci-layout:${folder.path}`, /index\.json: no such file or directory/);
  await refuses("nginx:latest", /names no image source/);
  await refuses(`docker-archive:${await folder.write("empty", Buffer.alloc(0))}`, /manifest\.json is missing/);
  await refuses(`docker-archive:${await folder.write("noise", noise(5000))}`, /invalid tar/);
  const xz = Buffer.concat([Buffer.from("fd377a585a00", "hex"), noise(99)]);
  await refuses(`docker-archive:${await folder.write("a.xz", xz)}`, /compressed with xz: only gzip and zstd/);
  const oci = await folder.write("o.tar", archiveOfLayout(layoutOf([IMAGE])));
  await refuses(`docker-archive:${oci}`, /use oci-archive/);
});

test("openImage, hostile: a layer with other bytes than its digest says", async () => {
  const layout = layoutOf([IMAGE]);
  const path = `blobs/sha256/${sha256(BASE).slice(7)}`;
  layout.files.set(path, Buffer.from(layout.files.get(path) ?? "").fill("x", 1_000_000, 1_000_002));
  await using image = await openImage(`oci-archive:${await folder.write("changed.tar", archiveOfLayout(layout))}`);
  await assert.rejects(image.readLayer(0), (error) => hasCode(error, "DIGEST_MISMATCH"));
  assert.equal((await image.readLayer(1)).length, 4);
  const docker = dockerArchiveOf([{ ...IMAGE, tars: [UPPER, BASE] }]);
  await using swapped = await openImage(`docker-archive:${await folder.write("swapped.tar", docker)}`);
  await assert.rejects(swapped.readLayer(0), /layer 0: invalid diffID for layer 0: expected "sha256:/);
});

test("openImage, hostile: a config or manifest with another digest or size", async () => {
  for (const digest of [sha256(IMAGE.rawConfig), layoutOf([IMAGE]).manifest]) {
    const layout = layoutOf([IMAGE]);
    const bytes = layout.files.get(`blobs/sha256/${digest.slice(7)}`) ?? Buffer.alloc(0);
    layout.files.set(
      `blobs/sha256/${digest.slice(7)}`,
      Buffer.from(bytes.toString().replace("linux", "LINUX").replace('"size":', '"size": ').slice(0, bytes.length)),
    );
    const source = `oci-archive:${await folder.write("other.tar", archiveOfLayout(layout))}`;
    await refuses(source, /its bytes hash to sha256:/);
    layout.files.set(`blobs/sha256/${digest.slice(7)}`, Buffer.concat([bytes, Buffer.from(" ")]));
    await refuses(
      `oci-archive:${await folder.write("longer.tar", archiveOfLayout(layout))}`,
      /bytes, its descriptor says/,
    );
  }
});

test("openImage, hostile: a blob that is a FIFO, a device or a directory is not read", async () => {
  const layout = layoutOf([IMAGE]);
  const directory = join(folder.path, "devices");
  const config = `blobs/sha256/${sha256(IMAGE.rawConfig).slice(7)}`;
  layout.files.delete(config);
  await writeLayout(layout, directory);
  await symlink("/dev/zero", join(directory, config));
  await refuses(`oci-layout:${directory}`, /is no file/);
});

test("openImage: a layout whose blobs are symlinks, as Bazel makes them", async () => {
  const layout = layoutOf([IMAGE]);
  const directory = join(folder.path, "linked");
  const config = `blobs/sha256/${sha256(IMAGE.rawConfig).slice(7)}`;
  layout.files.delete(config);
  await writeLayout(layout, directory);
  await writeFile(join(folder.path, "config"), IMAGE.rawConfig);
  await symlink("../../../config", join(directory, config));
  await using image = await openImage(`oci-layout:${directory}`);
  await check(image);
});

test("openImage, hostile: members twice, links that lead out, links in circles, members cut short", async () => {
  const file = (path: string, data: string): { path: string; type: "file"; data: string } => ({
    path,
    type: "file",
    data,
  });
  const manifest = (layer: string): string => JSON.stringify([{ Config: "c.json", RepoTags: null, Layers: [layer] }]);
  const config = imageOf([UPPER]).rawConfig.toString();
  const write = async (name: string, bytes: Uint8Array): Promise<string> =>
    `docker-archive:${await folder.write(name, bytes)}`;
  const twice = tarOf([file("manifest.json", "[]"), file("./manifest.json", "[]")]);
  await refuses(await write("twice.tar", twice), /"manifest\.json" is in it twice/);
  const base = [file("manifest.json", manifest("l")), file("c.json", config)];
  const out = tarOf([...base, { path: "l", type: "symlink", linkPath: "../../etc/passwd" }]);
  await refuses(await write("out.tar", out), /link "l" leads out of it/);
  const circle = tarOf([...base, { path: "l", type: "symlink", linkPath: "l" }]);
  await refuses(await write("circle.tar", circle), /"l" is a link to a link/);
  await refuses(await write("missing.tar", tarOf(base)), /"l" is missing/);
  await refuses(await write("escape.tar", tarOf([file("../x", "")])), /holds ".."/);
  const whole = dockerArchiveOf([IMAGE]);
  await refuses(await write("cut.tar", whole.subarray(0, 1_000_000)), /truncated|cut short/);
  const none = JSON.stringify([{ Config: "c.json", RepoTags: null, Layers: [] }]);
  await refuses(
    await write("few.tar", tarOf([file("manifest.json", none), file("c.json", config)])),
    /layers length mismatch: expected 1, got 0/,
  );
});

test("openImage, hostile: a compressed layer that is damaged, cut, or larger than allowed", async () => {
  const path = (bytes: Uint8Array): string => `blobs/sha256/${sha256(bytes).slice(7)}`;
  const bomb = tarOf([{ path: "zeros", type: "file", data: Buffer.alloc(20 << 20) }]);
  const image = imageOf([bomb]);
  const archive = `docker-archive:${await folder.write("bomb.tar", dockerArchiveOf([image], "gzip"))}`;
  await using small = await openImage(archive, { maxLayerBytes: 1 << 20 });
  await assert.rejects(small.readLayer(0), (error) => hasCode(error, "LAYER_LIMIT"));
  await using again = await openImage(archive);
  assert.equal((await again.readLayer(0)).length, 1);
  const packed = `docker-archive:${await folder.write("bomb.tgz", compress(dockerArchiveOf([image]), "gzip"))}`;
  await refuses(packed, /a plain copy would be larger than 1048576 bytes/, { maxTemporaryBytes: 1 << 20 });
  const layout = layoutOf([IMAGE], { form: "gzip" });
  const blob = compress(BASE, "gzip");
  const damaged = Buffer.from(blob);
  damaged.fill(0x55, 5000, 5100);
  layout.files.set(path(blob), damaged);
  await using broken = await openImage(`oci-archive:${await folder.write("broken.tar", archiveOfLayout(layout))}`);
  await assert.rejects(
    broken.readLayer(0),
    (error) => hasCode(error, "INVALID_COMPRESSION") || hasCode(error, "DIGEST_MISMATCH"),
  );
});

test("openImage: reading is given up when its signal fires, and may be started again", async () => {
  const [source = ""] = await asSources("gzip");
  await using image = await openImage(source);
  const controller = new AbortController();
  const first = image.readLayer(0, { signal: controller.signal });
  const second = image.readLayer(0);
  controller.abort();
  await assert.rejects(first, (error) => hasCode(error, "CANCELLED"));
  assert.equal((await second).length, 7);
  await assert.rejects(image.readLayer(0, { signal: controller.signal }), (error) => hasCode(error, "CANCELLED"));
  assert.equal(await image.readLayer(0), await image.readLayer(0));
});

test("openImage: a registry without the platform, the tag or an answer", async () => {
  await using registry = await startRegistry(layoutOf([imageOf([UPPER]), imageOf([UPPER], { architecture: "arm64" })]));
  await refuses(`registry:${registry.host}/made:1`, /no matching manifest for linux\/s390x/, {
    platform: "linux/s390x",
  });
  await refuses(`registry:${registry.host}/other:1`, /not found|unknown/);
});
