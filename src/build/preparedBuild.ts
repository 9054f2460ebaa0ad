import type { LayerReads } from "#layers";
import type { BuiltTarget, PreparedBuild } from "./buildService.ts";
import type { Exporter } from "./exporters/exporter.ts";
import { resultFiles } from "./files/resultFiles.ts";
import type { ResultFiles } from "./files/resultFiles.ts";
import type { BuildPlan, TargetPlan } from "./plan.ts";
import type { BuildRequest } from "./request.ts";
import type { HeldBuildLease } from "./solver/buildLease.ts";
import type { BuildProgress } from "./solver/buildProgress.ts";
import type { Solver } from "./solver/solver.ts";

/** What a build holds from its plan to its end. */
export interface BuildInHand {
  readonly request: BuildRequest;
  readonly plan: BuildPlan;
  readonly solver: Solver;
  readonly progress: BuildProgress;
  readonly lease: HeldBuildLease;
  readonly exporter: Exporter;
  readonly layers: Pick<LayerReads, "openView">;
  /** After everything was let go. */
  readonly onEnd: () => void;
}

/** A planned build: does its steps and exports once, however often it is asked. */
export class PlannedBuild implements PreparedBuild {
  readonly #build: BuildInHand;
  readonly #startedAt = Date.now();
  #targets: Promise<readonly BuiltTarget[]> | undefined;
  #response: Promise<Readonly<Record<string, string>>> | undefined;

  constructor(build: BuildInHand) {
    this.#build = build;
  }

  get plan(): BuildPlan {
    return this.#build.plan;
  }

  evaluate(): Promise<readonly BuiltTarget[]> {
    return (this.#targets ??= this.#evaluate());
  }

  get files(): ResultFiles {
    return resultFiles(this.#build.layers, async () => (await this.evaluate())[0]?.diffIds ?? []);
  }

  run(): Promise<Readonly<Record<string, string>>> {
    return (this.#response ??= this.#run());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { solver, lease, onEnd } = this.#build;
    await Promise.allSettled([this.#targets, this.#response]);
    solver[Symbol.dispose]();
    lease[Symbol.dispose]();
    onEnd();
  }

  async #evaluate(): Promise<readonly BuiltTarget[]> {
    const { plan, progress } = this.#build;
    for (const { vertex } of plan.targets) if (vertex !== undefined) progress.announce(vertex);
    const outcomes = await Promise.allSettled(plan.targets.map((target) => this.#buildTarget(target)));
    return outcomes.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  }

  async #buildTarget(target: TargetPlan): Promise<BuiltTarget> {
    if (target.vertex === undefined) return { ...target, diffIds: [], createdAt: [] };
    const filesystem = await this.#build.solver.solve(target.vertex);
    if (filesystem.kind !== "layers") throw new Error(`${target.vertex.name} is no image`);
    const { diffIds, createdAt } = filesystem;
    return { ...target, diffIds, createdAt: createdAt ?? diffIds.map(() => undefined) };
  }

  async #run(): Promise<Readonly<Record<string, string>>> {
    const targets = await this.evaluate();
    const { request, plan, progress, lease, exporter, solver } = this.#build;
    const task: BuildProgress["task"] = (name, work) => progress.task(name, work);
    return exporter.export({ request, plan, targets, startedAt: this.#startedAt, steps: solver.steps, task, lease });
  }
}
