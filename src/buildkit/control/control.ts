import type { BuildCacheRecord, PruneCacheOptions } from "#build";
import type { Platform } from "#oci";
import { bidirectional, serverStream, unary } from "../grpc/server.ts";
import type { Method } from "../grpc/server.ts";
import { byteStream } from "../sessions/byteStream.ts";
import { identityOf } from "../sessions/identity.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { bridgeMethods } from "./bridge.ts";
import { listenHistory, recordedStatuses, updateHistory } from "./history.ts";
import { toTimestamp } from "./progress.ts";
import { solve } from "./solve.ts";
import type { SolveContext } from "./solve.ts";

const CONTROL = "/moby.buildkit.v1.Control";
const SERVING = 1;

/** What the daemon says of itself as a builder. */
export interface WorkerInfo {
  /** Not empty, the same at every start. */
  readonly id: string;
  readonly labels: () => Readonly<Record<string, string>>;
  /** What RUN can run: the host's first. */
  readonly platforms: () => readonly Platform[];
  /** The version of BuildKit whose API this is, `v0.32.2`; clients show it. */
  readonly version: string;
}

function toUsage(usage: BuildCacheRecord): Encodable<"UsageRecord"> {
  return {
    id: usage.id,
    mutable: usage.mutable,
    inUse: usage.inUse,
    size: BigInt(usage.size),
    createdAt: toTimestamp(usage.createdAt),
    lastUsedAt: usage.lastUsedAt === undefined ? undefined : toTimestamp(usage.lastUsedAt),
    usageCount: BigInt(usage.usageCount),
    description: usage.description,
    recordType: usage.type,
    shared: usage.shared,
    parents: usage.parents,
  };
}

/** Clients without a filter send one empty text. */
function filtersOf(filter: readonly string[]): readonly string[] {
  return filter.filter((one) => one !== "");
}

/** Zero is no bound. */
function toPrune(request: Decoded<"PruneRequest">): PruneCacheOptions {
  const { keepDuration, reservedSpace, maxUsedSpace, minFreeSpace } = request;
  return {
    filters: filtersOf(request.filter),
    all: request.all,
    ...(keepDuration > 0n ? { keepDurationNs: Number(keepDuration) } : {}),
    ...(reservedSpace > 0n ? { reservedSpace: Number(reservedSpace) } : {}),
    ...(maxUsedSpace > 0n ? { maxUsedSpace: Number(maxUsedSpace) } : {}),
    ...(minFreeSpace > 0n ? { minFreeSpace: Number(minFreeSpace) } : {}),
  };
}

function toVersion({ version }: WorkerInfo): Encodable<"BuildkitVersion"> {
  return { package: "github.com/moby/buildkit", version };
}

function toWorker(info: WorkerInfo): Encodable<"Worker"> {
  return {
    id: info.id,
    labels: info.labels(),
    platforms: info.platforms(),
    buildkitVersion: toVersion(info),
  };
}

function buildMethods(context: SolveContext): readonly (readonly [string, Method])[] {
  const { jobs, sessions } = context;
  const { history } = context.builds;
  return [
    ["Solve", unary("SolveRequest", "SolveResponse", (request, call) => solve(context, request, call))],
    [
      "Status",
      serverStream("StatusRequest", "StatusResponse", async function* (request, call) {
        call.start({ "buildkit-current-timestamp": new Date().toISOString() });
        // A finished build's progress is in memory for a while, on the disk for longer.
        const recorded =
          jobs.find(request.ref) === undefined ? await recordedStatuses(history, request.ref) : undefined;
        if (recorded !== undefined) return yield* recorded;
        const { job } = await jobs.begun(request.ref);
        yield* job.progress.follow(call.signal);
      }),
    ],
    [
      "Session",
      bidirectional("Bytes", "Bytes", async (requests, call, answer) => {
        const identity = identityOf(call.headers);
        sessions.check(identity.id);
        call.start();
        const nothing = (): void => undefined;
        const connection = byteStream(requests, { send: answer, end: nothing, close: nothing }, call.signal);
        await sessions.add(identity, connection).closed;
      }),
    ],
    [
      "ListenBuildHistory",
      serverStream("HistoryRequest", "HistoryEvent", (request, call) => {
        call.start();
        return listenHistory(history, request, call.signal);
      }),
    ],
    [
      "UpdateBuildHistory",
      unary("UpdateHistoryRequest", "Empty", (request) => {
        updateHistory(context, request);
        return {};
      }),
    ],
  ];
}

/** Every method that BuildKit's clients call, by path. */
export function controlMethods(context: SolveContext, info: WorkerInfo): ReadonlyMap<string, Method> {
  const { builds } = context;
  const workers = (): readonly Encodable<"Worker">[] => [toWorker(info)];
  const control: readonly (readonly [string, Method])[] = [
    ...buildMethods(context),
    ["ListWorkers", unary("Empty", "ListWorkersResponse", () => ({ record: workers() }))],
    ["Info", unary("Empty", "InfoResponse", () => ({ buildkitVersion: toVersion(info) }))],
    [
      "DiskUsage",
      unary("DiskUsageRequest", "DiskUsageResponse", async ({ filter }) => ({
        record: (await builds.cache.list(filtersOf(filter))).map(toUsage),
      })),
    ],
    [
      "Prune",
      serverStream("PruneRequest", "UsageRecord", async function* (request) {
        for (const usage of await builds.cache.prune(toPrune(request))) yield toUsage(usage);
      }),
    ],
  ];
  return new Map<string, Method>([
    ...control.map(([name, method]) => [`${CONTROL}/${name}`, method] as const),
    ...bridgeMethods(context, workers),
    ["/grpc.health.v1.Health/Check", unary("Empty", "Health", () => ({ status: SERVING }))],
    // Clients send spans of their own; nobody here collects them.
    ["/opentelemetry.proto.collector.trace.v1.TraceService/Export", unary("Empty", "Empty", () => ({}))],
  ]);
}
