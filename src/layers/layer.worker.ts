import { parentPort } from "node:worker_threads";
import { encodeError } from "#errors";
import { compressBlock } from "./compressBlock.ts";
import { hashBytes } from "./hashBytes.ts";
import { indexTar } from "./indexTar.ts";
import { inflateBlob } from "./inflateBlob.ts";
import type { Job, JobAnswer, ResultOf } from "./jobs.ts";
import { toLayerError } from "./layerFile.ts";
import { verifyLayerFile } from "./verifyLayerFile.ts";

async function perform(job: Job): Promise<ResultOf<Job>> {
  switch (job.kind) {
    case "inflate":
      return inflateBlob(job);
    case "hash":
      return hashBytes(job);
    case "index":
      return indexTar(job);
    case "verify":
      return verifyLayerFile(job);
    case "compress":
      return compressBlock(job);
  }
}

async function answer(job: Job): Promise<JobAnswer> {
  try {
    return { ok: true, result: await perform(job) };
  } catch (error) {
    return { ok: false, error: encodeError(toLayerError(error)) };
  }
}

parentPort?.on("message", (job: Job) => {
  void answer(job).then((given) => parentPort?.postMessage(given));
});
