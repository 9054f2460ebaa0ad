import type { BuildHistory, BuildRecord, HistoryEvent } from "#build";
import { EngineError, ErrorCode } from "#errors";
import { GrpcCode } from "../grpc/status.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import type { Jobs } from "./jobs.ts";
import { toStatusResponse, toTimestamp } from "./progress.ts";

const EVENT = { STARTED: 0, COMPLETE: 1, DELETED: 2 } as const;

function toRecord(record: BuildRecord): Encodable<"HistoryRecord"> {
  const { ref, frontend, attributes, exports, error, createdAt, completedAt } = record;
  const code = error?.category === "cancelled" ? GrpcCode.CANCELED : GrpcCode.UNKNOWN;
  return {
    ref,
    frontend,
    frontendAttrs: attributes,
    exporters: exports.map(({ type, attributes: attrs }) => ({ type, attrs })),
    error: error === undefined ? undefined : { code, message: error.message },
    createdAt: toTimestamp(createdAt),
    completedAt: completedAt === undefined ? undefined : toTimestamp(completedAt),
    exporterResponse: record.response,
    pinned: record.isPinned,
    cachedSteps: record.cachedSteps,
    totalSteps: record.totalSteps,
    warnings: record.warnings,
    completedSteps: record.completedSteps,
  };
}

function toEvent(event: HistoryEvent, record: BuildRecord): Encodable<"HistoryEvent"> {
  const type = { started: EVENT.STARTED, completed: EVENT.COMPLETE, removed: EVENT.DELETED }[event];
  return { type, record: toRecord(record) };
}

function isAsked(record: BuildRecord, request: Decoded<"HistoryRequest">): boolean {
  if (request.ref !== "" && request.ref !== record.ref) return false;
  return !request.activeOnly || record.completedAt === undefined;
}

/** `Control/ListenBuildHistory`: what is known, the newest first, then what happens, unless the client leaves early. */
export async function* listenHistory(
  history: BuildHistory,
  request: Decoded<"HistoryRequest">,
  signal: AbortSignal,
): AsyncGenerator<Encodable<"HistoryEvent">> {
  const pending: Encodable<"HistoryEvent">[] = [];
  let wake = Promise.withResolvers<void>();
  const kick = (): void => wake.resolve();
  const stop = history.watch((event, record) => {
    if (!isAsked(record, request)) return;
    pending.push(toEvent(event, record));
    kick();
  });
  signal.addEventListener("abort", kick, { once: true });
  try {
    const known = history.list().filter((record) => isAsked(record, request));
    for (const record of request.limit > 0 ? known.slice(0, request.limit) : known)
      yield toEvent(record.completedAt === undefined ? "started" : "completed", record);
    while (!request.earlyExit && !signal.aborted) {
      const event = pending.shift();
      if (event !== undefined) yield event;
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
export function updateHistory(
  { builds, jobs }: { readonly builds: { readonly history: BuildHistory }; readonly jobs: Jobs },
  request: Decoded<"UpdateHistoryRequest">,
): void {
  const { history } = builds;
  if (history.get(request.ref) === undefined)
    throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `failed to retrieve record ${request.ref}`);
  if (request.delete) {
    history.remove(request.ref);
    jobs.forget(request.ref);
  } else if (!request.finalize) history.pin(request.ref, request.pinned);
}

/** What a build showed that ended before this daemon began, or long ago; undefined when there is no such record. */
export async function recordedStatuses(
  history: BuildHistory,
  ref: string,
): Promise<readonly Encodable<"StatusResponse">[] | undefined> {
  if (history.get(ref)?.completedAt === undefined) return undefined;
  return (await history.statuses(ref)).map(toStatusResponse);
}
