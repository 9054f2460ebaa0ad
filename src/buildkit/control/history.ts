import { EngineError, ErrorCode } from "#errors";
import type { Decoded, Encodable } from "../wire/types.ts";
import type { Job, Jobs } from "./jobs.ts";
import { toTimestamp } from "./progress.ts";

const EVENT = { STARTED: 0, COMPLETE: 1, DELETED: 2 } as const;

function toRecord(job: Job): Encodable<"HistoryRecord"> {
  const vertexes = [...job.progress.vertexes];
  return {
    ref: job.ref,
    frontend: job.start?.frontend,
    frontendAttrs: job.start?.attributes,
    exporters: job.start?.exports.map(({ type, attributes }) => ({ type, attrs: attributes })),
    error: job.error?.status,
    createdAt: toTimestamp(job.createdAt),
    completedAt: job.completedAt === undefined ? undefined : toTimestamp(job.completedAt),
    exporterResponse: job.response,
    pinned: job.isPinned,
    cachedSteps: vertexes.filter((vertex) => vertex.cached === true).length,
    totalSteps: vertexes.length,
    warnings: job.progress.warnings,
    completedSteps: vertexes.filter((vertex) => vertex.completed !== undefined && vertex.error === undefined).length,
  };
}

function toEvent(job: Job): Encodable<"HistoryEvent"> {
  return { type: job.completedAt === undefined ? EVENT.STARTED : EVENT.COMPLETE, record: toRecord(job) };
}

function isAsked(job: Job, request: Decoded<"HistoryRequest">): boolean {
  if (job.start === undefined || job.start.isInternal) return false;
  if (request.ref !== "" && request.ref !== job.ref) return false;
  return !request.activeOnly || job.completedAt === undefined;
}

/** `Control/ListenBuildHistory`: what is known, the newest first, then what happens, unless the client leaves early. */
export async function* listenHistory(
  jobs: Jobs,
  request: Decoded<"HistoryRequest">,
  signal: AbortSignal,
): AsyncGenerator<Encodable<"HistoryEvent">> {
  const pending: Job[] = [];
  let wake = Promise.withResolvers<void>();
  const kick = (): void => wake.resolve();
  const stop = jobs.watch((job) => {
    if (!isAsked(job, request)) return;
    pending.push(job);
    kick();
  });
  signal.addEventListener("abort", kick, { once: true });
  try {
    const known = jobs
      .all()
      .filter((job) => isAsked(job, request))
      .reverse();
    for (const job of request.limit > 0 ? known.slice(0, request.limit) : known) yield toEvent(job);
    while (!request.earlyExit && !signal.aborted) {
      const job = pending.shift();
      if (job !== undefined) yield toEvent(job);
      else {
        wake = Promise.withResolvers<void>();
        await wake.promise;
      }
    }
  } finally {
    stop();
    signal.removeEventListener("abort", kick);
  }
}

/** `Control/UpdateBuildHistory`. @throws {not_found} */
export function updateHistory(jobs: Jobs, request: Decoded<"UpdateHistoryRequest">): void {
  const job = jobs.find(request.ref);
  if (job?.start === undefined)
    throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `failed to retrieve record ${request.ref}`);
  if (request.delete) jobs.forget(request.ref);
  else if (!request.finalize) job.isPinned = request.pinned;
}
