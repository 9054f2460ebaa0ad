import { parentPort } from "node:worker_threads";
import { encodeError } from "#errors";
import type { LookAnswer, LookJob, LookRequest } from "./lookJobs.ts";
import { LookRunner } from "./runLookJob.ts";

const runner = new LookRunner();
/** Undefined until the head is known. */
const open = new Map<number, AsyncIterator<Uint8Array> | undefined>();

function send(answer: LookAnswer): void {
  parentPort?.postMessage(answer);
}

function fail(id: number, error: unknown): void {
  if (!open.delete(id)) return;
  send({ id, kind: "failed", error: encodeError(error) });
}

async function start(id: number, job: LookJob): Promise<void> {
  open.set(id, undefined);
  const { head, body } = await runner.run(job);
  if (!open.has(id)) return;
  open.set(id, body[Symbol.asyncIterator]());
  send({ id, kind: "head", head });
}

async function pull(id: number): Promise<void> {
  const next = await open.get(id)?.next();
  if (next === undefined || next.done === true) send({ id, kind: "end" });
  else send({ id, kind: "chunk", bytes: next.value });
}

async function stop(id: number): Promise<void> {
  const chunks = open.get(id);
  open.delete(id);
  await chunks?.return?.();
}

async function take(request: LookRequest): Promise<void> {
  switch (request.kind) {
    case "start":
      return start(request.id, request.job);
    case "pull":
      return pull(request.id);
    case "stop":
      return stop(request.id);
  }
}

parentPort?.on("message", (request: LookRequest) => {
  take(request).catch((error: unknown) => fail(request.id, error));
});
