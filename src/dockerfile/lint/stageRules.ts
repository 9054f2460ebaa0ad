import type { Dockerfile, DockerfileNode, LineRange } from "../ast.ts";
import type { Stage } from "../instruction.ts";
import type { Linter } from "./linter.ts";

/** Rules that need no more than the instructions as they are written. */

const RESERVED: ReadonlySet<string> = new Set(["context", "scratch"]);

const isLower = (text: string): boolean => text === text.toLowerCase();
const isUpper = (text: string): boolean => text === text.toUpperCase();

export function lintGrammar(dockerfile: Dockerfile, linter: Linter): void {
  for (const { location } of dockerfile.warnings) {
    linter.report("NoEmptyContinuation", location, "Empty continuation line");
  }
}

function lintFromWords(node: DockerfileNode, linter: Linter): void {
  const [, as, name] = node.args;
  if (as === undefined || name === undefined) return;
  if (as.toLowerCase() === "as" && !isLower(name)) {
    linter.report("StageNameCasing", node.location, `Stage name '${name}' should be lowercase`);
  }
  const lower = isLower(node.keyword);
  // A keyword that is neither is told of elsewhere.
  if (!lower && !isUpper(node.keyword)) return;
  if (lower ? isLower(as) : isUpper(as)) return;
  linter.report("FromAsCasing", node.location, `'${as}' and '${node.keyword}' keywords' casing do not match`);
}

/** What is looked at before the instruction is understood. */
export function lintWords(node: DockerfileNode, linter: Linter): void {
  const keyword = node.keyword.toLowerCase();
  if (keyword === "from") lintFromWords(node, linter.withComments(node.comments));
  if (keyword !== "maintainer") return;
  const detail = "Maintainer instruction is deprecated in favor of using label";
  linter.withComments(node.comments).report("MaintainerDeprecated", node.location, detail);
}

interface Defined {
  readonly comments: readonly string[];
  readonly location: LineRange;
}

/** The comment above FROM or ARG describes one of the names that it defines. */
export function lintDescription(at: Defined, what: "FROM" | "ARG", names: readonly string[], linter: Linter): void {
  const [name] = names;
  const comment = at.comments.at(-1);
  if (comment === undefined || name === undefined || names.includes(comment.split(" ", 1)[0] ?? "")) return;
  const example = names.length > 1 ? "<arg_key>" : name;
  const detail = `Comment for ${what} should follow the format: \`# ${example} <description>\``;
  linter.withComments(at.comments).report("InvalidDefinitionDescription", at.location, detail);
}

function lintNames(stages: readonly Stage[], linter: Linter): void {
  const seen = new Set<string>();
  for (const { name, location } of stages) {
    if (name === undefined) continue;
    if (RESERVED.has(name)) {
      const detail = `Stage name should not use the same name as reserved stage "${name}"`;
      linter.report("ReservedStageName", location, detail);
    }
    if (seen.has(name)) {
      linter.report("DuplicateStageName", location, `Duplicate stage name "${name}", stage names should be unique`);
    }
    seen.add(name);
  }
}

function lintCasing(stages: readonly Stage[], linter: Linter): void {
  const written = stages.flatMap((stage) => [stage, ...stage.instructions]);
  const lower = written.filter(({ keyword }) => isLower(keyword)).length;
  const upper = written.filter(({ keyword }) => !isLower(keyword) && isUpper(keyword)).length;
  const majority = lower > upper ? "lowercase" : "uppercase";
  for (const { keyword, location } of written) {
    if (majority === "lowercase" ? isLower(keyword) : isUpper(keyword)) continue;
    const detail = `Command '${keyword}' should match the case of the command majority (${majority})`;
    linter.report("ConsistentInstructionCasing", location, detail);
  }
}

export function lintStages(stages: readonly Stage[], linter: Linter): void {
  lintNames(stages, linter);
  lintCasing(stages, linter);
}
