import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageSummary } from "#engineapi";
import { imageRows, imageTable, IMAGE_TITLES } from "./imageRows.ts";
import { listFormat, renderList } from "./table.ts";

const HEX = "5bb9e0d346abec53ac0568968bc1518986eab22b9603f36c2ffda703ca56f46b";
const DIGEST = `sha256:${HEX}`;

function image(change: Partial<ImageSummary>): ImageSummary {
  return {
    Id: DIGEST,
    ParentId: "",
    RepoTags: [],
    RepoDigests: [],
    Created: Math.trunc(Date.now() / 1000) - 3 * 24 * 3600,
    Size: 164_024_401,
    SharedSize: -1,
    Labels: null,
    Containers: -1,
    ...change,
  };
}

function table(images: readonly ImageSummary[], digests = false): string {
  const rows = imageRows(images, { noTrunc: false, digests, digestRows: digests });
  return renderList(listFormat("", imageTable(digests)), IMAGE_TITLES, rows);
}

test("images: a row per tag, the repository as people know it", () => {
  assert.equal(
    table([
      image({ RepoTags: ["debian:12-slim", "127.0.0.1:5000/debian:12-slim"], RepoDigests: [`debian@${DIGEST}`] }),
    ]),
    `REPOSITORY              TAG       IMAGE ID       CREATED      SIZE
debian                  12-slim   5bb9e0d346ab   3 days ago   164MB
127.0.0.1:5000/debian   12-slim   5bb9e0d346ab   3 days ago   164MB
`,
  );
});

test("images: what has no name is <none>, what has only a digest has no tag", () => {
  assert.match(table([image({})]), /\n<none> +<none> +5bb9e0d346ab/);
  assert.match(
    table([image({ RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] })]),
    /\n<none> +<none> +5bb9/,
  );
  assert.match(table([image({ RepoDigests: [`nginx@${DIGEST}`] })]), /\nnginx +<none> +5bb9/);
});

test("images: digests stand beside the tags of their own repository", () => {
  const text = table([image({ RepoTags: ["a:1", "b:1"], RepoDigests: [`a@${DIGEST}`] })], true);
  assert.match(text, new RegExp(`\na +1 +${DIGEST} +5bb9`));
  assert.match(text, /\nb +1 +<none> +5bb9/);
});
