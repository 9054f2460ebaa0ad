import { parseDockerfile, parseStages } from "#dockerfile";
import type { Instruction, Stage, Stages } from "#dockerfile";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildPlan } from "../plan.ts";

/** An instruction as the older builder shows it: `Step 2/5 : RUN make`. */
export interface ClassicStep {
  /** As written. */
  readonly text: string;
  /** What it makes; undefined: it changes the config only. */
  readonly vertex: Vertex | undefined;
  /** An ARG before the first FROM has no result that could be shown. */
  readonly kind: "argument" | "from" | "run" | "other";
}

/** What the older builder tells of a build. */
export interface ClassicView {
  readonly steps: readonly ClassicStep[];
  /** Names of ARGs that the Dockerfile declares. */
  readonly declaredArguments: ReadonlySet<string>;
  /** argv of a RUN by its vertex. */
  commandOf(digest: string): readonly string[] | undefined;
}

function verticesOf(plan: BuildPlan): readonly Vertex[] {
  const found = new Set<Vertex>();
  const waiting = plan.targets.flatMap(({ vertex }) => vertex ?? []);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    waiting.push(...next.inputs);
  }
  return [...found];
}

function targetOf(stages: readonly Stage[], target: string | undefined): number {
  const named = stages.findIndex(({ name }) => target !== undefined && name === target.toLowerCase());
  if (named >= 0) return named;
  return /^\d+$/.test(target ?? "") ? Number(target) : stages.length - 1;
}

/** The last line of a stage: where the next one begins, or the Dockerfile ends. */
function linesOf({ location, instructions }: Stage): { readonly start: number; readonly end: number } {
  return { start: location.start, end: instructions.at(-1)?.location.end ?? location.end };
}

/** Stages that have a part in the result: those with vertices of it, and the bases of such. */
function takingPart(stages: readonly Stage[], last: number, lines: ReadonlySet<number>): readonly Stage[] {
  const wanted = new Set<number>();
  for (let index = last; index >= 0; index -= 1) {
    const stage = stages[index];
    if (stage === undefined) continue;
    const { start, end } = linesOf(stage);
    const hasVertex = [...lines].some((line) => line >= start && line <= end);
    if (index !== last && !hasVertex && !wanted.has(index)) continue;
    wanted.add(index);
    const base = stages.findLastIndex(({ name }, at) => at < index && name === stage.baseName.toLowerCase());
    if (base >= 0) wanted.add(base);
  }
  return stages.filter((_, index) => wanted.has(index));
}

function declared({ metaArgs, stages }: Stages): ReadonlySet<string> {
  const all: readonly Instruction[] = [...metaArgs, ...stages.flatMap(({ instructions }) => instructions)];
  return new Set(all.flatMap((one) => (one.kind === "arg" ? one.args.map(({ key }) => key) : [])));
}

/** A plan in the words of the older builder: its Dockerfile's instructions up to the target, one after the other. */
export function classicView(plan: BuildPlan, target: string | undefined): ClassicView {
  const { text, filename } = plan.dockerfile;
  const parsed = parseStages(parseDockerfile(text, { filename }));
  const vertices = verticesOf(plan);
  const byLine = new Map<number, Vertex>();
  for (const vertex of vertices) {
    const line = vertex.location?.ranges[0]?.start;
    if (line !== undefined) byLine.set(line, vertex);
  }
  const lines = new Set(byLine.keys());
  const stages = takingPart(parsed.stages, targetOf(parsed.stages, target), lines);
  const steps = stages.flatMap((stage): readonly ClassicStep[] => [
    { text: stage.sourceCode, vertex: byLine.get(stage.location.start), kind: "from" },
    ...stage.instructions.map(
      (one): ClassicStep => ({
        text: one.original,
        vertex: byLine.get(one.location.start),
        kind: one.kind === "run" ? "run" : "other",
      }),
    ),
  ]);
  const before = parsed.metaArgs.map(
    ({ original }): ClassicStep => ({ text: original, vertex: undefined, kind: "argument" }),
  );
  return {
    steps: [...before, ...steps],
    declaredArguments: declared(parsed),
    commandOf: (digest) => {
      const operation = vertices.find((vertex) => vertex.digest === digest)?.operation;
      return operation?.kind === "exec" ? operation.arguments : undefined;
    },
  };
}
