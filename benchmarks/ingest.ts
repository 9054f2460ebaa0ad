/**
 * One layer blob into the store, and back out: `sh tools/node.sh benchmarks/ingest.ts LAYER.tar.gz [ROUNDS]`. Prints
 * medians as JSON, ours interleaved with `gunzip | tar x` and `tar x` on the same filesystem. The blob is in the page
 * cache, so this says nothing about disks or networks. Needs root for tar's owners; no daemon.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { completeFile, openLayerStore } from "#layers";
import { openMetadata } from "#metadata";

const CLIENT_CHUNK_BYTES = 32 << 10;
const [blobPath, rounds = "5"] = process.argv.slice(2);
if (blobPath === undefined) throw new Error("usage: benchmarks/ingest.ts LAYER.tar.gz [ROUNDS]");

const place = await mkdtemp(join(dirname(blobPath), "varve-bench-"));
const samples = new Map<string, number[]>();

async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  const list = samples.get(name) ?? [];
  list.push(performance.now() - start);
  samples.set(name, list);
}

async function shell(command: string): Promise<void> {
  const child = spawn("sh", ["-c", command], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command}: exit ${String(code)}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const tarPath = join(place, "layer.tar");
await pipeline(createReadStream(blobPath), createGunzip(), createWriteStream(tarPath));
const blobSize = (await stat(blobPath)).size;
using metadata = openMetadata(join(place, "varve.db"));
await using store = await openLayerStore({ root: join(place, "layers"), records: metadata.layers });
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
let peakRss = 0;
const sampler = setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 20);
let tarBytes = 0;

for (let round = 0; round < Number(rounds); round += 1) {
  let ingested = await store.ingestBlob({ source: completeFile(blobPath, blobSize) });
  await store.remove(ingested.layer.diffId);
  await measure("ingestBlob gzip", async () => {
    ingested = await store.ingestBlob({ source: completeFile(blobPath, blobSize) });
  });
  const { diffId } = ingested.layer;
  tarBytes = ingested.layer.tarBytes;
  await measure("readTar", async () => {
    for await (const chunk of store.readTar(diffId)) void chunk;
  });
  await measure("compress gzip", async () => {
    await store.compress(diffId, { compression: "gzip", write: async () => undefined });
  });
  await measure("compress zstd", async () => {
    await store.compress(diffId, { compression: "zstd", write: async () => undefined });
  });
  await measure("open and walk", async () => {
    await using view = await store.openView([diffId]);
    for (const entry of view.walk()) void entry;
  });
  await store.remove(diffId);
  await measure("ingestTar, 32 KiB chunks", async () => {
    await using writer = await store.ingestTar();
    for await (const chunk of createReadStream(tarPath, { highWaterMark: CLIENT_CHUNK_BYTES }))
      await writer.write(chunk);
    await writer.commit();
  });
  await store.remove(diffId);
  const unpacked = join(place, "unpacked");
  for (const [name, command] of [
    ["gunzip | tar x", `gunzip -c '${blobPath}' | tar -x -C '${unpacked}'`],
    ["tar x", `tar -x -f '${tarPath}' -C '${unpacked}'`],
  ] as const) {
    await mkdir(unpacked);
    await measure(name, () => shell(command));
    await rm(unpacked, { recursive: true });
  }
}
clearInterval(sampler);
const report = {
  date: new Date().toISOString(),
  machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), load: loadavg()[0] },
  layer: { blobSize, tarBytes },
  medianMs: Object.fromEntries(Array.from(samples, ([name, values]) => [name, Math.round(median(values))])),
  eventLoopDelayMs: { p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 },
  peakRssMb: Math.round(peakRss / 1e6),
};
console.log(JSON.stringify(report, undefined, 2));
await rm(place, { recursive: true });
