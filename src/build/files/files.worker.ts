import { getHeapStatistics } from "node:v8";
import { parentPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { EngineError, ErrorCode, encodeError } from "#errors";
import { fromNodeError } from "#host";
import { openTarFeed } from "#layers";
import { STOP_CELL } from "./fileJobs.ts";
import type { FileJob, FileJobMessage, FileJobResults, PostedFileJob } from "./fileJobs.ts";
import { TaskSources, openTree } from "./fileTask.ts";
import type { FileTask } from "./fileTask.ts";
import { makeLayer } from "./makeLayer.ts";
import { readSmallFile } from "./readSmallFile.ts";
import { digestSources } from "./sourceDigest.ts";

class Output {
  readonly #port: MessagePort;
  readonly #cells: Int32Array;

  constructor(port: MessagePort, cells: SharedArrayBuffer) {
    this.#port = port;
    this.#cells = new Int32Array(cells);
  }

  done(result: FileJobResults[keyof FileJobResults], transfer: ArrayBuffer[] = []): void {
    this.post({ kind: "done", result, heapBytes: getHeapStatistics().total_heap_size }, transfer);
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
    output.done(result, result.kind === "file" ? [result.bytes.buffer] : []);
    return;
  }
  const known = takeKept(job.token);
  const sources = known ?? new TaskSources();
  sources.checkStop = () => output.checkStop();
  let isKept = false;
  try {
    await sources.trees.open(job.task.inputs);
    if (job.kind === "make") {
      if (known === undefined) await checkDigests(job.task, sources, job.digests);
      const feed = openTarFeed(job.feed);
      await makeLayer(job.task, sources, (bytes) => feed.write(bytes));
      feed.end();
      output.done(undefined);
      return;
    }
    const result = await digestSources(job.task.operation, sources);
    output.done(result, [result.files.buffer]);
    sources.trees.settle();
    if (job.token !== undefined) {
      keep(job.token, sources);
      isKept = true;
    }
  } finally {
    if (!isKept) await sources[Symbol.asyncDispose]();
  }
}

/** A layer of other files than those its key was made of would be a lie for every later build. */
async function checkDigests({ operation }: FileTask, sources: TaskSources, expected: readonly string[]): Promise<void> {
  if (expected.length === 0) return;
  const { digests } = await digestSources(operation, sources);
  if (digests.every((digest, index) => digest === expected[index])) return;
  throw new EngineError("aborted", ErrorCode.SOURCE_CHANGED, "files changed while the build was reading them");
}

interface Kept {
  readonly token: string;
  readonly sources: TaskSources;
  readonly timer: NodeJS.Timeout;
}

/** A step that misses the cache runs at once, unless other steps are before it. */
const KEEP_MS = 5000;
let kept: Kept | undefined;

function keep(token: string, sources: TaskSources): void {
  kept = { token, sources, timer: setTimeout(dropKept, KEEP_MS).unref() };
}

function dropKept(): void {
  const old = kept;
  kept = undefined;
  if (old === undefined) return;
  clearTimeout(old.timer);
  // Closing what was only read cannot lose anything.
  old.sources[Symbol.asyncDispose]().catch(() => undefined);
}

/** Only the last one is kept: whatever it is, the next job ends it. */
function takeKept(token: string | undefined): TaskSources | undefined {
  if (kept === undefined || kept.token !== token) {
    dropKept();
    return undefined;
  }
  const { sources, timer } = kept;
  clearTimeout(timer);
  kept = undefined;
  return sources;
}

parentPort?.on("message", (posted: PostedFileJob) => {
  if (parentPort === null) return;
  const output = new Output(parentPort, posted.cells);
  perform(posted.job, output).catch((error: unknown) => {
    output.post({ kind: "failed", error: encodeError(fromNodeError(error)) });
  });
});
