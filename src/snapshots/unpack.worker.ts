import { parentPort, workerData } from "node:worker_threads";
import { encodeError } from "#errors";
import { fromNodeError } from "#host";
import type { UnpackAnswer, UnpackJob } from "./unpackJob.ts";
import { unpackTree } from "./unpackTree.ts";

const { sources, target, ghosts } = workerData as UnpackJob;

function run(): UnpackAnswer {
  try {
    const left = new Set(ghosts);
    for (const source of sources) unpackTree({ source, target, ghosts: left });
    return { ok: true };
  } catch (error) {
    return { ok: false, error: encodeError(fromNodeError(error)) };
  }
}

parentPort?.postMessage(run());
