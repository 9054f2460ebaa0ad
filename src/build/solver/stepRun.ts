import { EngineError, ErrorCode, findEngineError, hasCode, messageOf, wrapError } from "#errors";
import type { Metadata } from "#metadata";
import type { BuildLease, KeyInputs } from "../graph/handler.ts";
import type { ImportedSteps } from "../graph/importedSteps.ts";
import type { Filesystem } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildSession } from "../session.ts";
import type { BuildProgress } from "./buildProgress.ts";
import { takeBuildLease } from "./buildLease.ts";
import { explainMiss } from "./explain.ts";
import { bindStep } from "./handlers.ts";
import type { BoundStep, HandledOperation, Handlers } from "./handlers.ts";
import { cacheKeyOf } from "./keyInputs.ts";
import { above, layersOf } from "./known.ts";
import type { Known, Layers } from "./known.ts";
import type { SharedRuns } from "./sharedRuns.ts";
import type { StepCache } from "./stepCache.ts";

/** What all builds of a daemon have in common. */
export interface SolverOptions {
  readonly handlers: Handlers;
  readonly cache: StepCache;
  readonly shared: SharedRuns;
  readonly metadata: Pick<Metadata, "leases">;
}

/** One build, as far as its solver needs it. */
export interface SolverBuild {
  readonly session: BuildSession;
  readonly progress: BuildProgress;
  /** Lives as long as the build. */
  readonly lease: BuildLease;
  /** Other machines' results. */
  readonly imports: ImportedSteps;
  readonly explain: boolean;
  /** Tells builds of different projects apart: results of the same place explain each other. */
  readonly place: string;
  readonly signal: AbortSignal;
}

/**
 * Adds to an error what it is about: the vertex, its lines of the Dockerfile and, so that a shell can be opened there,
 * what the step had to work on. The innermost vertex knows best.
 */
function aboutVertex(error: unknown, vertex: Vertex, inputs: readonly Known[]): EngineError {
  const inner = findEngineError(error);
  if (inner?.details?.["vertex"] !== undefined) return inner;
  const details = {
    ...inner?.details,
    vertex: vertex.digest,
    inputs: inputs.map(({ filesystem }) => filesystem),
    ...(vertex.location === undefined ? {} : { source: vertex.location }),
  };
  return new EngineError(inner?.category ?? "internal", inner?.code ?? ErrorCode.INTERNAL, messageOf(error), {
    details,
    ...(inner?.hint === undefined ? {} : { hint: inner.hint }),
    cause: error,
  });
}

/** Where a step stands: `[builder 2/5]` of its name, or all of it. */
function slotOf(vertex: Vertex, place: string): string {
  return `${place} ${/^\[[^\]]*\]/.exec(vertex.name)?.[0] ?? vertex.name}`;
}

interface StepRunInit {
  readonly vertex: Vertex;
  readonly operation: HandledOperation;
  readonly inputs: readonly Known[];
  readonly signal: AbortSignal;
}

/** One vertex on its way: key, look-up, run, record. */
export class StepRun implements Disposable {
  readonly #options: SolverOptions;
  readonly #build: SolverBuild;
  readonly #init: StepRunInit;
  readonly #bound: BoundStep;
  readonly #base: Layers | undefined;
  #inputs: KeyInputs | undefined;
  #hold: Disposable | undefined;
  key: string | undefined;
  wasFound = false;

  constructor(options: SolverOptions, build: SolverBuild, init: StepRunInit) {
    this.#options = options;
    this.#build = build;
    this.#init = init;
    const { vertex, operation, inputs, signal } = init;
    this.#base = layersOf(inputs[0]);
    this.#bound = bindStep(options.handlers, operation, {
      vertex,
      inputs: inputs.map(({ filesystem }) => filesystem),
      session: build.session,
      progress: build.progress.stepProgress(vertex.digest),
      lease: build.lease,
      signal,
    });
  }

  [Symbol.dispose](): void {
    this.#hold?.[Symbol.dispose]();
  }

  /** Makes the key; the result that the cache has under it. */
  async find(): Promise<Omit<Known, "realize"> | undefined> {
    const { vertex, operation } = this.#init;
    this.#inputs = await this.#guard(() => this.#bound.keyInputs());
    if (this.#inputs === undefined) return undefined;
    const { cache } = this.#options;
    this.key = cacheKeyOf(operation.kind, this.#inputs);
    this.#hold = cache.hold(this.key);
    if (vertex.ignoreCache) return undefined;
    const isImage = operation.kind === "image";
    const found = cache.find(this.key, isImage);
    if (found === undefined) return isImage ? undefined : await this.#import(this.key, this.#inputs);
    // Lease what is found, then look again: a prune may have been under way.
    for (const diffId of found.diffIds) this.#build.lease.keepLayer(diffId);
    const row = cache.find(this.key, isImage);
    const own = row?.diffIds.at(-1);
    if (row === undefined) return undefined;
    this.wasFound = true;
    if (isImage || own === undefined) return { filesystem: { kind: "layers", diffIds: row.diffIds }, record: row.id };
    return { filesystem: above(this.#base, own, row.createdAt), record: row.id };
  }

  /** A result of another machine becomes one of ours. */
  async #import(key: string, inputs: KeyInputs): Promise<Omit<Known, "realize"> | undefined> {
    const { lease, imports } = this.#build;
    const { vertex, operation, inputs: known, signal } = this.#init;
    const brought = await imports.bring(key, { lease, signal });
    if (brought === undefined) return undefined;
    const { diffId, createdAt } = brought;
    const filesystem = above(this.#base, diffId, createdAt);
    const row = this.#options.cache.record({
      key,
      kind: operation.kind,
      slot: slotOf(vertex, this.#build.place),
      description: vertex.name,
      parents: known.flatMap(({ record }) => (record === undefined ? [] : [record])),
      diffIds: filesystem.diffIds,
      own: [diffId],
      inputs,
      createdAt,
    });
    this.wasFound = true;
    return { filesystem, record: row.id };
  }

  tellCached(): void {
    this.#build.progress.cached(this.#init.vertex.digest);
  }

  /** Does the step, or waits for the build that does it. */
  async run(): Promise<Omit<Known, "realize">> {
    const { vertex, signal } = this.#init;
    const { progress } = this.#build;
    signal.throwIfAborted();
    this.#explain();
    progress.start(vertex.digest);
    try {
      const filesystem = await this.#runOrJoin();
      progress.complete(vertex.digest);
      return { filesystem: this.#dated(filesystem), record: this.#row()?.id };
    } catch (error) {
      progress.complete(vertex.digest, error);
      throw aboutVertex(error, vertex, this.#init.inputs);
    }
  }

  async #runOrJoin(): Promise<Filesystem> {
    const { vertex, signal } = this.#init;
    try {
      return await this.#runShared();
    } catch (error) {
      if (!hasCode(error, ErrorCode.SOURCE_CHANGED)) throw error;
      // The key says what files held that hold something else now: this build takes them, and nobody finds the result.
      this.key = undefined;
      const progress = this.#build.progress.stepProgress(vertex.digest);
      return await this.#bound.run({ progress, signal, lease: this.#build.lease, takesChanges: true });
    }
  }

  async #runShared(): Promise<Filesystem> {
    const { vertex, signal } = this.#init;
    const progress = this.#build.progress.stepProgress(vertex.digest);
    if (this.key === undefined) return this.#bound.run({ progress, signal, lease: this.#build.lease });
    return this.#options.shared.run(vertex.ignoreCache ? `${this.key} ${this.#build.place}` : this.key, {
      progress,
      signal,
      work: async (context) => {
        using lease = takeBuildLease(this.#options.metadata, `build ${vertex.name}`);
        const filesystem = await this.#bound.run({ ...context, lease });
        this.#record(filesystem);
        return filesystem;
      },
    });
  }

  #record(filesystem: Filesystem): void {
    if (this.key === undefined || this.#inputs === undefined || filesystem.kind !== "layers") return;
    const { vertex, operation, inputs } = this.#init;
    const { diffIds } = filesystem;
    this.#options.cache.record({
      key: this.key,
      kind: operation.kind,
      slot: slotOf(vertex, this.#build.place),
      description: vertex.name,
      parents: inputs.flatMap(({ record }) => (record === undefined ? [] : [record])),
      diffIds,
      own: operation.kind === "image" ? diffIds : diffIds.slice(-1),
      inputs: this.#inputs,
    });
  }

  #row(): { readonly id: string; readonly createdAt: number } | undefined {
    return this.key === undefined ? undefined : this.#options.cache.find(this.key, false);
  }

  /** With the time at which the own layer was made. */
  #dated(filesystem: Filesystem): Filesystem {
    const { kind } = this.#init.operation;
    const own = filesystem.kind === "layers" ? filesystem.diffIds.at(-1) : undefined;
    const row = this.#row();
    if (own === undefined || (kind !== "file" && kind !== "exec")) return filesystem;
    return above(this.#base, own, row?.createdAt ?? Date.now());
  }

  #explain(): void {
    const { vertex } = this.#init;
    // What is looked at anew each time, a context, needs no reason.
    if (!this.#build.explain || vertex.hidden === true || this.#inputs === undefined) return;
    const earlier = this.#options.cache.earlier(slotOf(vertex, this.#build.place));
    this.#build.progress.explain(explainMiss(vertex, this.#inputs, earlier));
  }

  /** What fails before a step has begun is shown as that step's failure. */
  async #guard<T>(work: () => Promise<T>): Promise<T> {
    const { vertex, inputs } = this.#init;
    try {
      return await work();
    } catch (error) {
      this.#build.progress.start(vertex.digest);
      this.#build.progress.complete(vertex.digest, error);
      throw aboutVertex(
        wrapError(error, `failed to ${inputs.length === 0 ? "load" : "compute"} cache key`),
        vertex,
        inputs,
      );
    }
  }
}
