import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { OpenImage } from "#analysis";
import { hasCode } from "#errors";
import { openImage } from "#transports";
import { encodeTarHeader, TAR_END, tarPadding } from "#tar";
import {
  archiveOfLayout,
  collect,
  imageOf,
  layoutOf,
  newFolder,
  noise,
  sha256,
  startRegistry,
} from "./transports.testkit.test.ts";
import type { Layout } from "./transports.testkit.test.ts";

const FIXTURE = resolve(import.meta.dirname, "../../../shared/fixtures/images/test-oci-estargz-image.tar");
const folder = await newFolder();
after(() => folder[Symbol.asyncDispose]());

interface Stargz {
  readonly tar: Buffer;
  readonly blob: Buffer;
  readonly toc: Buffer;
}

const BIG = noise(300_000);
const CHUNK = 100_000;
const time = "2020-01-02T03:04:05Z";
const mtimeSeconds = Date.parse(time) / 1000;

/** As stargz-snapshotter lays it: gzip members for headers and for chunks, the table, a footer. */
function makeStargz(change: (entries: Record<string, unknown>[]) => void = () => undefined): Stargz {
  const members: Buffer[] = [];
  const plain: Buffer[] = [];
  const put = (bytes: Uint8Array): number => {
    const offset = members.reduce((total, member) => total + member.length, 0);
    members.push(gzipSync(bytes));
    plain.push(Buffer.from(bytes));
    return offset;
  };
  const header = { mode: 0o644, mtimeSeconds };
  const entries: Record<string, unknown>[] = [{ name: "etc/", type: "dir", mode: 0o755, modtime: time }];
  put(
    Buffer.concat([
      encodeTarHeader({ ...header, path: "etc/", type: "directory", mode: 0o755 }),
      encodeTarHeader({ ...header, path: "etc/big", type: "file", size: BIG.length }),
    ]),
  );
  for (let at = 0; at < BIG.length; at += CHUNK) {
    const chunk = BIG.subarray(at, at + CHUNK);
    const offset = put(chunk);
    const common = { offset, chunkOffset: at, chunkSize: CHUNK, chunkDigest: sha256(chunk) };
    if (at === 0)
      entries.push({
        name: "etc/big",
        type: "reg",
        size: BIG.length,
        mode: 0o644,
        modtime: time,
        digest: sha256(BIG),
        ...common,
      });
    else entries.push({ name: "etc/big", type: "chunk", ...common });
  }
  put(
    Buffer.concat([
      tarPadding(BIG.length),
      encodeTarHeader({ ...header, path: "etc/twin", type: "hardlink", linkPath: "etc/big" }),
      encodeTarHeader({ ...header, path: ".wh.gone", type: "file" }),
      encodeTarHeader({
        ...header,
        path: "link",
        type: "symlink",
        linkPath: "etc",
        mode: 0o777,
        xattrs: new Map([["security.note", Buffer.from("x")]]),
      }),
    ]),
  );
  entries.push(
    { name: "etc/twin", type: "hardlink", linkName: "etc/big", mode: 0o644, modtime: time },
    { name: ".wh.gone", type: "reg", mode: 0o644, modtime: time },
    { name: "link", type: "symlink", linkName: "etc", mode: 0o777, modtime: time, xattrs: { "security.note": "eA==" } },
  );
  change(entries);
  const toc = Buffer.from(JSON.stringify({ version: 1, entries }));
  const offset = put(
    Buffer.concat([
      encodeTarHeader({ path: "stargz.index.json", type: "file", mode: 0, size: toc.length }),
      toc,
      tarPadding(toc.length),
      TAR_END,
    ]),
  );
  const footer = Buffer.from(
    `1f8b08040000000000ff1a0053471600${Buffer.from(`${offset.toString(16).padStart(16, "0")}STARGZ`).toString("hex")}010000ffff0000000000000000`,
    "hex",
  );
  assert.equal(footer.length, 51);
  return { tar: Buffer.concat(plain), blob: Buffer.concat([...members, footer]), toc };
}

/** A layout of an image with that layer, its table's digest in the manifest. */
function layoutOfStargz({ tar, blob, toc }: Stargz): Layout {
  const layout = layoutOf([imageOf([tar])], { form: "gzip" });
  const at = (digest: string): string => `blobs/sha256/${digest.slice(7)}`;
  const manifest = JSON.parse(layout.files.get(at(layout.manifest))?.toString() ?? "") as {
    layers: { digest: string }[];
  };
  layout.files.delete(at(manifest.layers[0]?.digest ?? ""));
  const annotations = { "containerd.io/snapshot/stargz/toc.digest": sha256(toc) };
  const layers = [{ ...manifest.layers[0], digest: sha256(blob), size: blob.length, annotations }];
  const raw = Buffer.from(JSON.stringify({ ...manifest, layers }));
  layout.files.set(at(sha256(blob)), blob);
  layout.files.set(at(sha256(raw)), raw);
  const index = JSON.parse(layout.files.get("index.json")?.toString() ?? "") as { manifests: object[] };
  const manifests = [{ ...index.manifests[0], digest: sha256(raw), size: raw.length }];
  layout.files.set("index.json", Buffer.from(JSON.stringify({ ...index, manifests })));
  return { files: layout.files, manifest: sha256(raw) };
}

async function sameAs(indexed: OpenImage, whole: OpenImage): Promise<void> {
  // A tar whose end comes before the table does not list it; the table does not tell which kind it is of.
  const entries = (await whole.readLayer(0)).filter(({ path }) => path !== "stargz.index.json");
  assert.deepEqual(await indexed.readLayer(0), entries);
  for (const { path, type } of entries.filter((entry) => entry.type === "file")) {
    assert.ok(
      (await collect(indexed.readFile(0, path))).equals(await collect(whole.readFile(0, path))),
      `${path} ${type}`,
    );
  }
}

test("estargz: the table tells what the layer holds, and a registry's layer is not fetched for it", async () => {
  const made = makeStargz();
  const layout = layoutOfStargz(made);
  await using registry = await startRegistry(layout);
  const source = `registry:${registry.host}/made:1`;
  await using indexed = await openImage(source, { verify: false });
  const entries = await indexed.readLayer(0);
  assert.deepEqual(
    entries.map(({ path }) => path),
    ["etc", "etc/big", "etc/twin", "gone", "link"],
  );
  const blob = `/v2/made/blobs/${sha256(made.blob)}`;
  const asked = registry.requests.filter((path) => path.startsWith(blob));
  assert.ok(asked.length === 2 && asked.every((path) => path.includes("bytes=")), asked.join());
  await using whole = await openImage(source);
  await sameAs(indexed, whole);
  assert.ok((await collect(indexed.readFile(0, "etc/twin"))).equals(BIG));
});

test("estargz: the same in an archive, and of one that other tools wrote", {
  skip: !existsSync(FIXTURE) && "1 of 2 archives is missing",
}, async () => {
  const own = await folder.write("own.tar", archiveOfLayout(layoutOfStargz(makeStargz())));
  for (const path of [own, FIXTURE]) {
    await using indexed = await openImage(`oci-archive:${path}`, { verify: false });
    await using whole = await openImage(`oci-archive:${path}`);
    await sameAs(indexed, whole);
  }
});

test("estargz, hostile: a table that the manifest does not name, or that is none", async () => {
  const made = makeStargz();
  const open = async (layout: Layout): Promise<OpenImage> =>
    await openImage(`oci-archive:${await folder.write("hostile.tar", archiveOfLayout(layout))}`, { verify: false });
  await using other = await open(layoutOfStargz({ ...made, toc: Buffer.from("{}") }));
  await assert.rejects(other.readLayer(0), (error) => hasCode(error, "DIGEST_MISMATCH"));
  const wrong: readonly [(entries: Record<string, unknown>[]) => void, RegExp][] = [
    [(entries) => entries.push({ name: "../up", type: "reg" }), /holds ".."/],
    [(entries) => entries.push({ name: "x", type: "socket" }), /entry of type "socket"/],
    [(entries) => entries.push({ name: "x", type: "reg", size: -1 }), /size is not a whole number/],
    [
      (entries) => entries.push({ name: "x", type: "reg", size: 5, offset: 0, digest: "sha256:1" }),
      /a chunk has no digest/,
    ],
  ];
  for (const [change, words] of wrong) {
    await using image = await open(layoutOfStargz(makeStargz(change)));
    await assert.rejects(image.readLayer(0), words);
  }
  const lies = makeStargz((entries) => {
    Object.assign(entries[1] ?? {}, { chunkDigest: sha256(Buffer.from("other")) });
  });
  await using lying = await open(layoutOfStargz(lies));
  await assert.rejects(collect(lying.readFile(0, "etc/big")), (error) => hasCode(error, "DIGEST_MISMATCH"));
  // Chunks that do not make up the file: the layer is read instead.
  await using short = await open(layoutOfStargz(makeStargz((entries) => entries.splice(2, 1))));
  assert.ok((await collect(short.readFile(0, "etc/big"))).equals(BIG));
});
