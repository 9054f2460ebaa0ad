import { EngineError, ErrorCode } from "#errors";
import type { DiffId } from "#oci";
import type { Filesystem } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import { layersOf } from "./known.ts";
import type { DoneStep } from "../graph/importedSteps.ts";
import type { Known, Layers } from "./known.ts";
import { StepRun } from "./stepRun.ts";
import type { SolverBuild, SolverOptions } from "./stepRun.ts";

const HERE = async (): Promise<void> => undefined;

async function realizeBase([base]: readonly Known[]): Promise<void> {
  await base?.realize();
}

/** Later stacks hide what earlier ones have, as their layers do. */
function merged(inputs: readonly Known[]): Known {
  const stacks = inputs.map((input) => layersOf(input));
  const diffIds = stacks.flatMap((stack) => stack?.diffIds ?? []);
  const createdAt = stacks.flatMap((stack) => stack?.createdAt ?? (stack?.diffIds ?? []).map(() => undefined));
  const realize = async (): Promise<void> => void (await Promise.all(inputs.map((input) => input.realize())));
  return { filesystem: { kind: "layers", diffIds, createdAt }, record: undefined, realize };
}

/**
 * Solves vertices of one build: inputs first and at the same time, each vertex once. A step whose key the cache knows does
 * not run; one that another build runs just now is shared. The first failure ends all else.
 */
export class Solver implements Disposable {
  readonly #options: SolverOptions;
  readonly #build: SolverBuild;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Promise<Known>>();
  readonly #holds: Disposable[] = [];
  readonly #used = new Set<string>();
  readonly #done: DoneStep[] = [];

  constructor(options: SolverOptions, build: SolverBuild) {
    this.#options = options;
    this.#build = build;
    this.#signal = AbortSignal.any([build.signal, this.#controller.signal]);
  }

  /** The vertex's result with all its layers here. @throws what the first failing step throws, with its vertex in the details. */
  async solve(vertex: Vertex): Promise<Filesystem> {
    this.#build.progress.announce(vertex);
    try {
      const known = await this.#know(vertex);
      await known.realize();
      return known.filesystem;
    } catch (error) {
      this.#controller.abort(new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled"));
      await Promise.allSettled(this.#known.values());
      throw error;
    }
  }

  /** Steps that are done and have a key, in the order in which they ended; without base images. */
  get steps(): readonly DoneStep[] {
    return this.#done;
  }

  /** Lets rows go and counts what was used. */
  [Symbol.dispose](): void {
    this.#options.cache.used(this.#used);
    for (const hold of this.#holds) hold[Symbol.dispose]();
    this.#holds.length = 0;
  }

  #know(vertex: Vertex): Promise<Known> {
    const known = this.#known.get(vertex.digest);
    if (known !== undefined) return known;
    const made = this.#make(vertex);
    this.#known.set(vertex.digest, made);
    return made;
  }

  async #make(vertex: Vertex): Promise<Known> {
    const inputs = await Promise.all(vertex.inputs.map((input) => this.#know(input)));
    this.#signal.throwIfAborted();
    const { operation } = vertex;
    if (operation.kind === "scratch")
      return { filesystem: { kind: "layers", diffIds: [], createdAt: [] }, record: undefined, realize: HERE };
    if (operation.kind === "merge") return merged(inputs);
    // A base is needed only by a step that runs; what is copied from has to be read to know whether it changed.
    await Promise.all(inputs.slice(1).map((input) => input.realize()));
    const step = new StepRun(this.#options, this.#build, { vertex, operation, inputs, signal: this.#signal });
    if (operation.kind === "image") return this.#lazy(step, operation.diffIds);
    const known = await step.find();
    if (known !== undefined) {
      step.tellCached();
      return this.#keep(step, { ...known, realize: () => realizeBase(inputs) });
    }
    await realizeBase(inputs);
    return this.#keep(step, { ...(await step.run()), realize: HERE });
  }

  /** The stack of an image is known before it is here. */
  async #lazy(step: StepRun, diffIds: readonly DiffId[]): Promise<Known> {
    const { lease } = this.#build;
    for (const diffId of diffIds) lease.keepLayer(diffId);
    let realized: Promise<void> | undefined;
    const realize = (): Promise<void> => (realized ??= this.#realizeImage(step));
    const known = await step.find();
    if (known !== undefined) {
      step.tellCached();
      realized = Promise.resolve();
      this.#keep(step, { ...known, realize });
    }
    const createdAt = diffIds.map(() => undefined);
    return { filesystem: { kind: "layers", diffIds, createdAt }, record: known?.record, realize };
  }

  async #realizeImage(step: StepRun): Promise<void> {
    this.#keep(step, { ...(await step.run()), realize: HERE });
  }

  #keep(step: StepRun, known: Known): Known {
    for (const diffId of layersOf(known)?.diffIds ?? []) this.#build.lease.keepLayer(diffId);
    if (step.key !== undefined) {
      if (step.wasFound) this.#used.add(step.key);
      this.#holds.push(step);
      this.#tellDone(step.key, layersOf(known));
    }
    return known;
  }

  /** A base image's layers have no time: they are not a step's. */
  #tellDone(key: string, layers: Layers | undefined): void {
    const createdAt = layers?.createdAt?.at(-1);
    if (layers !== undefined && createdAt !== undefined) this.#done.push({ key, diffIds: layers.diffIds, createdAt });
  }
}
