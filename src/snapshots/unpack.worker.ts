import { parentPort } from "node:worker_threads";
import { encodeError } from "#errors";
import { fromNodeError } from "#host";
import { unpackTree } from "./unpackTree.ts";
import type { UnpackAnswer, UnpackJob } from "./unpackWorker.ts";

function run({ sources, target, ghosts }: UnpackJob): UnpackAnswer {
  try {
    const leftOut = new Set(ghosts);
    for (const source of sources) unpackTree({ source, target, ghosts: leftOut });
    return { ok: true };
  } catch (error) {
    return { ok: false, error: encodeError(fromNodeError(error)) };
  }
}

parentPort?.on("message", (job: UnpackJob) => parentPort?.postMessage(run(job)));
