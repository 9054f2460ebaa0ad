import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, parseDiffId } from "#oci";
import type { ImageDraft } from "../plan.ts";
import { normalizeHistory, trimTime } from "./history.ts";
import { writeImageConfig } from "./imageConfig.ts";

const BASE = parseDiffId("sha256:c6088a50849b8f63de689c0d92bbce3d17f13da4e2b539b0e9058dd953a18f8a");
const COPIED = parseDiffId("sha256:4f7e8478d0e64a5d7abb2e8e1197be702a0baf725401d9ed9dd78abae17f27a8");
const BUILT = "2026-11-25T12:28:22.925943475Z";
const comment = "buildkit.dockerfile.v0";

const draft: ImageDraft = {
  platform: { os: "linux", architecture: "amd64" },
  author: undefined,
  config: {
    Cmd: ["sh"],
    ArgsEscaped: true,
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=b"],
    WorkingDir: "",
    OnBuild: null,
  },
  history: [
    { created: "2026-11-25T01:42:18.234322768Z", comment: "Imported from -" },
    { created: BUILT, created_by: "ENV A=b", comment, empty_layer: true },
    { created: BUILT, created_by: "COPY Dockerfile /d # buildkit", comment },
    { created: BUILT, created_by: 'CMD ["sh"]', comment, empty_layer: true },
  ],
  epoch: undefined,
  base: undefined,
  materials: [],
};

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("image config: the bytes are those of dockerd 26.1.5, so that the image ID is", () => {
  const bytes = writeImageConfig({
    draft,
    diffIds: [BASE, COPIED],
    createdAt: [undefined, undefined],
    epoch: undefined,
  });
  assert.equal(digestOf(bytes), "sha256:e0929335d85f6ff93551e998bc7fc82bb52ce0cbfa3ff5df56e37436b3b6e1fd");
});

test("image config: text is escaped and maps are sorted as Go does", () => {
  const config = { Labels: { b: "<&>", a: "\u2028" }, ExposedPorts: { "80/tcp": {}, "53/udp": {} } };
  const bytes = writeImageConfig({ draft: { ...draft, config }, diffIds: [], createdAt: [], epoch: undefined });
  assert.match(
    textOf(bytes),
    /"config":\{"ExposedPorts":\{"53\/udp":\{\},"80\/tcp":\{\}\},"Labels":\{"a":"\\u2028","b":"\\u003c\\u0026\\u003e"\}\}/,
  );
});

test("image config: SOURCE_DATE_EPOCH dates what the build made, and an exporter's epoch bounds it", () => {
  const steps: ImageDraft = { ...draft, history: [{ created: BUILT }, { created_by: "COPY a /" }], epoch: 100 };
  const read = (epoch: number | undefined): unknown =>
    JSON.parse(textOf(writeImageConfig({ draft: steps, diffIds: [BASE, COPIED], createdAt: [1, 2], epoch })));
  const dated = (seconds: string): object => ({ created: `1970-01-01T00:0${seconds}Z` });
  assert.deepEqual(read(undefined), {
    ...(read(undefined) as object),
    ...dated("1:40"),
    history: [{ created: BUILT }, { ...dated("1:40"), created_by: "COPY a /" }],
  });
  assert.deepEqual(read(50), {
    ...(read(50) as object),
    ...dated("0:50"),
    history: [{ created: BUILT }, { ...dated("0:50"), created_by: "COPY a /" }],
  });
});

test("history: steps without a layer get the time of the first new layer, or of the one before", () => {
  const history = [
    { created: "2020-01-01T00:00:00Z", created_by: "base" },
    { created_by: "ENV a", empty_layer: true },
    { created_by: "RUN b" },
    { created_by: "ENV c", empty_layer: true },
    { created_by: "RUN d" },
  ];
  const layers = [{ createdAt: undefined }, { createdAt: 1000 }, { createdAt: 2500 }];
  assert.deepEqual(
    normalizeHistory(history, layers).map(({ created }) => created),
    [
      "2020-01-01T00:00:00Z",
      "1970-01-01T00:00:01Z",
      "1970-01-01T00:00:01Z",
      "1970-01-01T00:00:01Z",
      "1970-01-01T00:00:02.5Z",
    ],
  );
});

test("history: layers that nothing tells of are added, entries without a layer are called empty", () => {
  const added = normalizeHistory([], [{ createdAt: 0 }]);
  assert.deepEqual(added, [
    { created: "1970-01-01T00:00:00Z", created_by: "created by buildkit", comment: "buildkit.exporter.image.v0" },
  ]);
  const surplus = normalizeHistory([{ created_by: "a" }, { created_by: "b" }], [{ createdAt: 0 }]);
  assert.deepEqual(
    surplus.map(({ empty_layer: isEmpty }) => isEmpty),
    [undefined, true],
  );
});

test("trimTime: zeros at the end go, offsets stay", () => {
  assert.equal(trimTime("2020-01-01T00:00:00.000Z"), "2020-01-01T00:00:00Z");
  assert.equal(trimTime("2020-01-01T00:00:00.120Z"), "2020-01-01T00:00:00.12Z");
  assert.equal(trimTime("2020-01-01T10:00:00+02:00"), "2020-01-01T10:00:00+02:00");
});
