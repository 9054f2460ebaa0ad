/** Images that other tools made, looked into without a daemon: the names that `tar` lists, merged by the book in this test. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, isAbsolute, join, resolve } from "node:path";
import { test } from "node:test";
import { openImageFiles } from "#analysis";
import { toDisplayPath } from "#tar";
import { openImage } from "#transports";
import { must } from "../e2e/support/process.ts";

const FOLDERS = ["../../../shared", "../../../../shared"].map((path) => resolve(import.meta.dirname, path));
const FIXTURES = FOLDERS.map((path) => join(path, "fixtures/images")).find((path) => existsSync(path));

const IMAGES: readonly (readonly [file: string, transport: "docker-archive" | "oci-archive"])[] = [
  ["test-docker-image.tar", "docker-archive"],
  ["test-kaniko-image.tar", "docker-archive"],
  ["test-oci-gzip-image.tar", "oci-archive"],
  ["test-oci-estargz-image.tar", "oci-archive"],
  ["test-oci-uncompressed-image.tar", "oci-archive"],
  ["test-oci-zstd-image.tar", "oci-archive"],
];

const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
const blobPath = (digest: string): string => join("blobs", digest.replace(":", "/"));

/** Paths of layers within an unpacked archive, base first. */
function layersOf(folder: string, transport: "docker-archive" | "oci-archive"): readonly string[] {
  if (transport === "docker-archive") {
    const [image] = json(join(folder, "manifest.json")) as readonly { readonly Layers: readonly string[] }[];
    return image?.Layers ?? [];
  }
  type Document = Readonly<Record<"manifests" | "layers", readonly { readonly digest: string }[]>>;
  const { manifests } = json(join(folder, "index.json")) as Document;
  const { layers } = json(join(folder, blobPath(manifests[0]?.digest ?? ""))) as Document;
  return layers.map(({ digest }) => blobPath(digest));
}

/** Adds a layer's names to those below it. */
function addLayer(names: Set<string>, listed: readonly string[]): void {
  const dropBelow = (folder: string): void => {
    for (const name of names) if (name.startsWith(`${folder}/`)) names.delete(name);
  };
  const marks = listed.filter((line) => /(?:^|\/)\.wh\./.test(line));
  for (const mark of marks) {
    const [, folder = "", name = ""] = /^(?:(.*)\/)?\.wh\.(.*)$/.exec(mark) ?? [];
    if (name === ".wh..opq") dropBelow(folder);
    else {
      const path = folder === "" ? name : `${folder}/${name}`;
      names.delete(path);
      dropBelow(path);
    }
  }
  for (const line of listed.filter((line) => !marks.includes(line))) {
    const path = line.replace(/\/$/, "");
    if (!line.endsWith("/") && names.has(path)) dropBelow(path);
    const parts = path.split("/");
    // Parents that no entry names are there all the same.
    for (let length = 1; length <= parts.length; length += 1) names.add(parts.slice(0, length).join("/"));
  }
}

/** More of them, as `docker save` writes them: absolute paths with ":" between. */
const MORE = (process.env["VARVE_TEST_ARCHIVES"] ?? "")
  .split(":")
  .filter((path) => path !== "")
  .map((path) => [path, "docker-archive"] as const);

for (const [file, transport] of [...IMAGES, ...MORE]) {
  test(`looking: ${basename(file)} shows what its layers' tars add up to`, async (t) => {
    if (FIXTURES === undefined && !isAbsolute(file)) {
      t.skip("needs shared/fixtures/images beside the repository");
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), "varve-fixture-"));
    t.after(() => rm(folder, { recursive: true }));
    const archive = resolve(FIXTURES ?? "", file);
    await must("tar", ["-C", folder, "-xf", archive]);
    const names = new Set<string>();
    for (const layer of layersOf(folder, transport)) {
      const listing = await must("tar", ["--quoting-style=literal", "-tf", join(folder, layer)]);
      const lines = listing.split("\n").map((line) => line.replace(/^\.?\/+/, ""));
      addLayer(
        names,
        lines.filter((line) => line !== "" && line !== "."),
      );
    }
    await using image = await openImage(`${transport}:${archive}`);
    const files = await openImageFiles(image);
    const shown = Array.from(files.walk(files.require("/")), ({ path }) => toDisplayPath(path));
    assert.ok(shown.length > 0);
    assert.deepEqual([...shown].sort(), [...names].sort());
  });
}
