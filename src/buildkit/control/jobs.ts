import type { BuiltTarget, CacheLocation, ExportRequest, PreparedBuild, RunningBuild } from "#build";
import { EngineError, ErrorCode } from "#errors";
import type { GrpcError } from "../grpc/status.ts";
import type { GrpcSession } from "../sessions/session.ts";
import type { Decoded } from "../wire/types.ts";
import { ProgressLog } from "./progress.ts";

/** As BuildKit waits for a build that somebody asks about. */
const WAIT_MS = 6000;
/** Builds whose progress and result can still be asked for. */
const MAX_FINISHED = 50;
/** Output of all of them together. */
const MAX_FINISHED_LOG_BYTES = 64 << 20;

/** A result that a client knows by id. */
export interface HeldBuild {
  readonly id: string;
  readonly prepared: PreparedBuild;
  readonly isMultiPlatform: boolean;
}

/** How a build began. */
export interface JobStart {
  readonly session: GrpcSession | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  readonly frontend: string;
  readonly exports: readonly ExportRequest[];
  readonly entitlements: readonly string[];
  readonly cacheImports: readonly CacheLocation[];
  readonly cacheExports: readonly CacheLocation[];
  readonly isInternal: boolean;
}

/** One build, from its first mention until it is forgotten. */
export class Job {
  readonly ref: string;
  readonly progress: ProgressLog = new ProgressLog();
  readonly createdAt: number = Date.now();
  readonly #controller = new AbortController();
  readonly signal: AbortSignal = this.#controller.signal;
  readonly #started = Promise.withResolvers<JobStart>();
  readonly #returned = Promise.withResolvers<Decoded<"ReturnRequest">>();
  readonly #held = new Map<string, HeldBuild>();
  readonly #built = new Map<string, () => Promise<readonly BuiltTarget[]>>();
  isClaimed = false;
  /** Its place in the history; undefined for what is no build of a user's. */
  record: RunningBuild | undefined;
  start: JobStart | undefined;
  completedAt: number | undefined;
  response: Readonly<Record<string, string>> = {};
  error: GrpcError | undefined;

  constructor(ref: string) {
    this.ref = ref;
    // Nobody may be waiting.
    this.#started.promise.catch(() => undefined);
    this.#returned.promise.catch(() => undefined);
    this.signal.addEventListener("abort", () => {
      this.#started.reject(this.signal.reason);
      this.#returned.reject(this.signal.reason);
    });
  }

  begin(start: JobStart): void {
    this.start = start;
    this.#started.resolve(start);
  }

  /** Waits until the build has begun. @throws {not_found} when none with this ref comes */
  async begun(): Promise<JobStart> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `no such job ${this.ref}`)),
      WAIT_MS,
    );
    try {
      return await Promise.race([this.#started.promise, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  cancel(): void {
    this.#controller.abort(new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled"));
  }

  /** What the client that is the frontend gives back. */
  giveBack(answer: Decoded<"ReturnRequest">): void {
    this.#returned.resolve(answer);
  }

  returned(): Promise<Decoded<"ReturnRequest">> {
    return this.#returned.promise;
  }

  /** Keeps a result for the client, until the build ends. */
  hold(prepared: PreparedBuild, { isMultiPlatform }: Pick<HeldBuild, "isMultiPlatform">): HeldBuild {
    const held = { id: `${this.ref}:${this.#held.size + 1}`, prepared, isMultiPlatform };
    this.#held.set(held.id, held);
    this.#built.set(held.id, () => prepared.evaluate());
    // The build was cancelled while the frontend was at it.
    if (this.completedAt !== undefined) this.#letGo();
    return held;
  }

  /** @throws {not_found} */
  held(id: string): HeldBuild {
    const found = this.#held.get(id);
    if (found === undefined) throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `no such ref: ${id}`);
    return found;
  }

  /** What a held build gives, also after this build has ended. @throws {not_found} */
  built(id: string): Promise<readonly BuiltTarget[]> {
    const built = this.#built.get(id);
    if (built === undefined) throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `no such ref: ${id}`);
    return built();
  }

  lastHeld(): HeldBuild | undefined {
    return Array.from(this.#held.values()).at(-1);
  }

  finish(outcome: {
    readonly response: Readonly<Record<string, string>>;
    readonly error: GrpcError | undefined;
  }): void {
    this.response = outcome.response;
    this.error = outcome.error;
    this.completedAt = Date.now();
    const failure = this.signal.aborted ? "context canceled" : outcome.error?.message;
    this.progress.end(failure);
    const { response, error } = outcome;
    this.record?.finish({
      response,
      ...(failure === undefined || error === undefined
        ? {}
        : { error: { category: error.category, message: failure } }),
    });
    this.#letGo();
  }

  #letGo(): void {
    for (const { prepared } of this.#held.values()) void prepared[Symbol.asyncDispose]();
    this.#held.clear();
  }
}

/** Builds under way and the last finished ones. Status, Ping and Solve of one build come in any order: whoever is first makes it. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();

  find(ref: string): Job | undefined {
    return this.#jobs.get(ref);
  }

  /** The build of this ref, once it has begun. @throws {not_found} */
  async begun(ref: string): Promise<{ readonly job: Job; readonly start: JobStart }> {
    const job = this.#mention(ref);
    try {
      return { job, start: await job.begun() };
    } catch (error) {
      if (!job.isClaimed) this.#jobs.delete(ref);
      throw error;
    }
  }

  /** What a held build of whichever build gives. @throws {not_found} */
  built(id: string): Promise<readonly BuiltTarget[]> {
    const job = this.#jobs.get(id.slice(0, id.lastIndexOf(":")));
    if (job === undefined) throw new EngineError("not_found", ErrorCode.BUILD_NOT_FOUND, `no such ref: ${id}`);
    return job.built(id);
  }

  /** Makes the build this caller's to run. @throws {already_exists} */
  claim(ref: string): Job {
    const job = this.#mention(ref);
    if (job.isClaimed) throw new EngineError("already_exists", ErrorCode.BAD_REQUEST, `job ID ${ref} exists`);
    job.isClaimed = true;
    return job;
  }

  /** A build has ended: those before it may be too many now. */
  ended(): void {
    const finished = [...this.#jobs.values()].filter((one) => one.completedAt !== undefined);
    let bytes = 0;
    for (const [age, one] of finished.reverse().entries()) {
      bytes += one.progress.logBytes;
      if (age >= MAX_FINISHED || (age > 0 && bytes > MAX_FINISHED_LOG_BYTES)) this.#jobs.delete(one.ref);
    }
  }

  forget(ref: string): void {
    if (this.#jobs.get(ref)?.completedAt !== undefined) this.#jobs.delete(ref);
  }

  close(): void {
    for (const job of this.#jobs.values()) job.cancel();
  }

  #mention(ref: string): Job {
    if (ref === "") throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "no build reference in request");
    const there = this.#jobs.get(ref);
    if (there !== undefined) return there;
    const job = new Job(ref);
    this.#jobs.set(ref, job);
    return job;
  }
}
