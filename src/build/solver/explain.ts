import type { SolveExplanation, SolveInputChange } from "#engineapi";
import { readFileList } from "../files/fileList.ts";
import type { KeyInputs } from "../graph/handler.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { RecordedInputs } from "./keyInputs.ts";

const NO_FILES: ReadonlyMap<string, string> = new Map();
/** More would not be read by anyone. */
const MAX_CHANGES = 100;

function changesOf(
  before: Readonly<Record<string, string>>,
  after: ReadonlyMap<string, string>,
  kind: SolveInputChange["kind"],
): SolveInputChange[] {
  const changes: SolveInputChange[] = [];
  for (const [input, value] of after) {
    const old = before[input];
    if (old !== value) changes.push({ kind, input, after: value, ...(old === undefined ? {} : { before: old }) });
  }
  for (const [input, value] of Object.entries(before))
    if (!after.has(input)) changes.push({ kind, input, before: value });
  return changes.sort((left, right) => (left.input < right.input ? -1 : 1));
}

/** Inputs that differ; a digest over files is told by the files that it stands for, where they are known. */
function compare(before: RecordedInputs, after: KeyInputs): SolveInputChange[] {
  const files = after.files === undefined ? NO_FILES : readFileList(after.files);
  const named = changesOf(before.files, files, "file");
  const values = changesOf(before.values, new Map(Object.entries(after.values)), "value");
  return [...values.filter(({ input }) => input !== "content" || named.length === 0), ...named];
}

/**
 * Why a step was not cached: the inputs that differ from those of the earlier result that is nearest to it.
 * `earlier` are the recorded inputs of results of the same place, last used first.
 */
export function explainMiss(vertex: Vertex, inputs: KeyInputs, earlier: readonly RecordedInputs[]): SolveExplanation {
  const told = { vertex: vertex.digest, name: vertex.name };
  if (vertex.ignoreCache) return { ...told, reason: "cache not wanted", changes: [] };
  const compared = earlier.map((before) => compare(before, inputs));
  const nearest = compared.reduce<SolveInputChange[] | undefined>(
    (best, changes) => (best === undefined || changes.length < best.length ? changes : best),
    undefined,
  );
  if (nearest === undefined) return { ...told, reason: "first time", changes: [] };
  // The very same inputs: the result was there, but its layers are gone.
  if (nearest.length === 0) return { ...told, reason: "result gone", changes: [] };
  return { ...told, reason: "inputs changed", changes: nearest.slice(0, MAX_CHANGES) };
}
