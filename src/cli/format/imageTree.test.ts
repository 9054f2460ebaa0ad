import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageManifestSummary, ImageSummary } from "#engineapi";
import { renderTree } from "./imageTree.ts";

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

function manifest(
  letter: string,
  architecture: string,
  available: boolean,
  containers: readonly string[],
): ImageManifestSummary {
  return {
    ID: digest(letter),
    Descriptor: { mediaType: "application/vnd.oci.image.manifest.v1+json", digest: digest(letter), size: 1000 },
    Available: available,
    Size: { Content: available ? 4_090_000 : 0, Total: available ? 13_600_000 : 0 },
    Kind: "image",
    ImageData: { Platform: { os: "linux", architecture }, Containers: containers, Size: { Unpacked: 9_510_000 } },
  };
}

function image(letter: string, change: Partial<ImageSummary>): ImageSummary {
  return {
    Id: digest(letter),
    ParentId: "",
    RepoTags: [],
    RepoDigests: [],
    Created: 1_731_300_000,
    Size: 12,
    SharedSize: -1,
    Labels: null,
    Containers: 0,
    ...change,
  };
}

const IMAGES: readonly ImageSummary[] = [
  image("7", { RepoTags: [] }),
  image("1", { RepoTags: ["127.0.0.1:5000/a/very/long/name/of/an/image:with-tag"], Size: 123_456_789 }),
  image("a", {
    RepoTags: ["alpine:latest", "alpine:3"],
    Created: 1_731_500_000,
    Size: 27_200_000,
    Manifests: [manifest("b", "amd64", true, ["x"]), manifest("d", "s390x", false, [])],
  }),
];

// As docker CLI 28.2 prints the same answer of a daemon.
test("image tree: newest first, tags above, platforms below, long names cut, untagged only when asked for", () => {
  const bold = (text: string): string => `\x1b[39m\x1b[1m${text}\x1b[0m`;
  assert.deepEqual(renderTree(IMAGES, { isTerminal: false, columns: 80 }, false).split("\n"), [
    "WARNING: This is an experimental feature. The output may change and shouldn't be depended on.",
    "                                                              Info ->  U In Use ",
    "",
    `${bold("IMAGE")}                           ${bold("ID")}             ${bold("DISK USAGE")}   ${bold("CONTENT SIZE")}   ${bold("EXTRA")}`,
    "alpine:latest",
    "alpine:3                        aaaaaaaaaaaa       27.2MB         4.09MB   U    ",
    "├─ linux/amd64                  bbbbbbbbbbbb       13.6MB         4.09MB   U    ",
    "└─ linux/s390x                  dddddddddddd           0B             0B        ",
    "",
    "127.0.0.1:5000/a/very/long/n…   111111111111        123MB             0B        ",
    "",
    "",
  ]);
  assert.match(renderTree(IMAGES, { isTerminal: false, columns: 80 }, true), /\n<untagged> +777777777777/);
});

test("image tree: the longest name stands first when an image has several", () => {
  const tags = ["a:1", "scratch:1", "scratch:latest", "zz:9"];
  const text = renderTree([image("2", { RepoTags: tags })], { isTerminal: false, columns: 80 }, false);
  const names = text.split("\n").slice(4, 8);
  assert.deepEqual(
    names.map((line) => line.split(" ")[0]),
    ["scratch:latest", "scratch:1", "zz:9", "a:1"],
  );
});

test("image tree: names are blue, missing platforms and <untagged> faint on a terminal", () => {
  const text = renderTree(IMAGES, { isTerminal: true, columns: 150 }, true);
  assert.ok(text.includes("\x1b[34m\x1b[1malpine:latest\x1b[0m\n"));
  assert.ok(text.includes("\x1b[39m\x1b[2m└─ linux/s390x\x1b[0m"));
  assert.ok(text.includes("\x1b[39m\x1b[2m<untagged>\x1b[0m"));
  assert.ok(text.includes("\x1b[38;5;0m\x1b[48;5;14m U \x1b[0m  \n"));
});
