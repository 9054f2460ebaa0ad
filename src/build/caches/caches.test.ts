import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, isDigest } from "#oci";
import type { Digest } from "#oci";
import { createExporter } from "../exporters/createExporter.ts";
import { testJob, testTarget } from "../exporters/testJob.ts";
import type { ExportJob } from "../exporters/exporter.ts";
import type { DoneStep } from "../graph/importedSteps.ts";
import type { BuildSession, SessionContent } from "../session.ts";
import { openTestRooms, testFile, testSession } from "../testRooms.ts";
import { importCaches } from "./importCaches.ts";
import { readCacheTarget } from "./cacheAttributes.ts";
import { parseCacheConfig, parseInlineConfig } from "./cacheConfig.ts";

/** A client's directory in memory. */
function clientStore(): { readonly session: BuildSession; readonly blobs: Map<Digest, Buffer> } {
  const blobs = new Map<Digest, Buffer>();
  const store: SessionContent = {
    info: (digest) => Promise.resolve(blobs.has(digest) ? { size: blobs.get(digest)?.length ?? 0 } : undefined),
    async *read(digest, range = { offset: 0, length: Number.POSITIVE_INFINITY }) {
      const { offset, length } = range;
      yield await Promise.resolve(blobs.get(digest)?.subarray(offset, offset + length) ?? Buffer.of());
    },
    async write(digest, size, bytes) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(Uint8Array.from(chunk));
      const whole = Buffer.concat(chunks);
      assert.deepEqual([digestOf(whole), whole.length], [digest, size]);
      blobs.set(digest, whole);
    },
  };
  return { blobs, session: testSession({ contentStore: () => Promise.resolve(store) }) };
}

const task: ExportJob["task"] = (_name, work) => work({ status: () => undefined, log: () => undefined });

test("caches: what one machine exports to a directory is another one's result, with its time", async (t) => {
  const [one, other] = [await openTestRooms(t), await openTestRooms(t)];
  const lower = await one.addLayer([testFile("a", "1")]);
  const upper = await one.addLayer([testFile("b", "2")]);
  const aside = await one.addLayer([testFile("c", "3")]);
  const steps: readonly DoneStep[] = [
    { key: digestOf("lower"), diffIds: [lower], createdAt: 1000 },
    { key: digestOf("upper"), diffIds: [lower, upper], createdAt: 2000 },
    { key: digestOf("aside"), diffIds: [aside], createdAt: 3000 },
  ];
  for (const mode of ["min", "max"]) {
    const { session } = clientStore();
    const cacheExports = [{ type: "local", attributes: { dest: "d", mode } }];
    const { job } = testJob([testTarget([lower, upper])], [], { session, cacheExports });
    const response = await createExporter(one).export({ ...job, steps });
    const { digest } = JSON.parse(response["cache.manifest"] ?? "") as { readonly digest: string };
    assert.ok(isDigest(digest));
    const cacheImports = [{ type: "local", attributes: { src: "d", digest } }];
    const imports = importCaches(other, testJob([], [], { session, cacheImports }).job.request, task);
    const options = { lease: job.lease, signal: job.request.signal };
    assert.deepEqual(await imports.bring(digestOf("upper"), options), { diffId: upper, createdAt: 2000 });
    assert.notEqual(other.layers.get(upper), undefined);
    const found = await imports.bring(digestOf("aside"), options);
    assert.deepEqual(found, mode === "max" ? { diffId: aside, createdAt: 3000 } : undefined);
    assert.equal(await imports.bring(digestOf("nosuch"), options), undefined);
  }
});

test("caches: one that cannot be read is passed over, one that lies is not believed", async (t) => {
  const rooms = await openTestRooms(t);
  const layer = await rooms.addLayer([testFile("a", "1")]);
  const { session, blobs } = clientStore();
  const cacheExports = [{ type: "local", attributes: { dest: "d" } }];
  const { job } = testJob([testTarget([layer])], [], { session, cacheExports });
  const key = digestOf("key");
  const exported = { ...job, steps: [{ key, diffIds: [layer], createdAt: 1 }] };
  const response = await createExporter(rooms).export(exported);
  const { digest } = JSON.parse(response["cache.manifest"] ?? "") as { readonly digest: string };
  const other = await openTestRooms(t);
  const bring = (wanted: string): Promise<unknown> => {
    const cacheImports = [{ type: "local", attributes: { src: "d", digest: wanted } }];
    const { request } = testJob([], [], { session, cacheImports }).job;
    return importCaches(other, request, task).bring(key, { lease: job.lease, signal: request.signal });
  };
  assert.equal(await bring("latest"), undefined);
  assert.equal(await bring(digestOf("nosuch")), undefined);
  const form = rooms.metadata.layers.getCompressed(layer)[0];
  assert.ok(form);
  blobs.set(form.blob.digest, Buffer.alloc(form.blob.size));
  assert.equal(await bring(digest), undefined);
});

test("caches: attributes are refused in BuildKit's words; a damaged document holds nothing", () => {
  const wrong = (type: string, attributes: Record<string, string>, message: RegExp): void =>
    assert.throws(() => readCacheTarget({ type, attributes }), { message });
  wrong("registry", {}, /missing ref$/);
  wrong("local", {}, /^local cache exporter requires dest$/);
  wrong("gha", {}, /^unknown cache exporter: "gha"$/);
  wrong("inline", { mode: "most" }, /^invalid cache export mode: most$/);
  const parse = (text: string): number => parseCacheConfig(Buffer.from(text)).size;
  assert.equal(parse('{"layers":[{"blob":1}],"records":[{"digest":"sha256:x","layers":[{"layer":0}]},7]}'), 0);
  assert.equal(parse("null"), 0);
});

test("caches: an image tells of its own layers by their number", async (t) => {
  const rooms = await openTestRooms(t);
  const lower = await rooms.addLayer([testFile("a", "1")]);
  const upper = await rooms.addLayer([testFile("b", "2")]);
  const cacheExports = [{ type: "inline", attributes: {} }];
  const { job } = testJob([testTarget([lower, upper])], [{ type: "moby", attributes: { name: "x" } }], {
    cacheExports,
  });
  const steps = [{ key: digestOf("upper"), diffIds: [lower, upper], createdAt: 2000 }];
  await createExporter(rooms).export({ ...job, steps });
  const { rawConfig } = await rooms.images.lookup("x");
  const told: unknown = Reflect.get(JSON.parse(Buffer.from(rawConfig).toString()) as object, "moby.buildkit.cache.v0");
  const raw = Buffer.from(typeof told === "string" ? told : "", "base64");
  const stored = [lower, upper].map((diffId) => ({
    diffId,
    descriptor: { mediaType: "", digest: digestOf(diffId), size: 1 },
  }));
  assert.deepEqual([...parseInlineConfig(raw, stored)], [[digestOf("upper"), { layer: stored[1], createdAt: 2000 }]]);
});
