import { parentPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { EngineError, ErrorCode, encodeError } from "#errors";
import { fromNodeError } from "#host";
import { CHUNKS_CELL, STOP_CELL } from "./fileJobs.ts";
import type { FileJob, FileJobMessage, PostedFileJob } from "./fileJobs.ts";
import type { ContextMessage, ContextPlace } from "./contextOperations.ts";
import { ContextWriter } from "./contextWriter.ts";
import { OpenTrees, openTree } from "./fileTask.ts";
import { makeLayer } from "./makeLayer.ts";
import { readSmallFile } from "./readSmallFile.ts";
import { digestSources } from "./sourceDigest.ts";

/** Chunks of 1 MiB that may wait for the main thread. */
const MAX_CHUNKS = 8;
/** How late a stop is seen. */
const WAIT_MS = 50;

class Output {
  readonly #port: MessagePort;
  readonly #cells: Int32Array;

  constructor(port: MessagePort, cells: SharedArrayBuffer) {
    this.#port = port;
    this.#cells = new Int32Array(cells);
  }

  /** Waits while the main thread is behind. @throws {cancelled} */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    for (;;) {
      this.checkStop();
      const waiting = Atomics.load(this.#cells, CHUNKS_CELL);
      if (waiting < MAX_CHUNKS) break;
      Atomics.wait(this.#cells, CHUNKS_CELL, waiting, WAIT_MS);
    }
    Atomics.add(this.#cells, CHUNKS_CELL, 1);
    this.post({ kind: "chunk", bytes }, [bytes.buffer]);
  }

  post(message: FileJobMessage, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  checkStop(): void {
    if (Atomics.load(this.#cells, STOP_CELL) !== 0) {
      throw new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled");
    }
  }
}

async function perform(job: FileJob, output: Output): Promise<void> {
  if (job.kind === "read") {
    await using tree = await openTree(job.tree);
    const result = readSmallFile(tree, job.path, job.maxBytes);
    output.post({ kind: "done", result }, result.kind === "file" ? [result.bytes.buffer] : []);
    return;
  }
  if (job.kind === "receive") {
    await receiveContext(job.place, job.port, output);
    output.post({ kind: "done", result: undefined });
    return;
  }
  await using trees = await OpenTrees.open(job.task.inputs);
  if (job.kind === "digest") {
    const result = digestSources(job.task.operation, trees);
    output.post({ kind: "done", result }, [result.files.buffer]);
    return;
  }
  await makeLayer(job.task, trees, (chunk) => output.send(chunk));
  output.post({ kind: "done", result: undefined });
}

async function receiveContext(place: ContextPlace, port: MessagePort, output: Output): Promise<void> {
  using writer = new ContextWriter(place);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  port.on("message", (message: ContextMessage) => {
    try {
      output.checkStop();
      writer.perform(message);
      port.postMessage(undefined);
      if (message.isLast) resolve();
    } catch (error) {
      reject(error);
    }
  });
  // The client went away, or what it sent was refused.
  port.on("close", () => reject(new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled")));
  try {
    await promise;
  } finally {
    port.close();
  }
}

parentPort?.on("message", (posted: PostedFileJob) => {
  if (parentPort === null) return;
  const output = new Output(parentPort, posted.cells);
  perform(posted.job, output).catch((error: unknown) => {
    output.post({ kind: "failed", error: encodeError(fromNodeError(error)) });
  });
});
