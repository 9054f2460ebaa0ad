import type { Dockerfile, DockerfileNode } from "./ast.ts";
import { invalidDockerfile, located } from "./dockerfileError.ts";
import type { ArgInstruction, Instruction, Stage, Stages } from "./instruction.ts";
import { type Linter } from "./lint/linter.ts";
import { lintDescription, lintGrammar, lintStages, lintWords } from "./lint/stageRules.ts";
import { parseDockerfile } from "./parseDockerfile.ts";
import { parseFrom, parseInstruction, type StageHead } from "./parseInstruction.ts";

function isFrom(node: DockerfileNode): boolean {
  return node.keyword.toLowerCase() === "from";
}

function parseNode(node: DockerfileNode, linter: Linter | undefined): StageHead | Instruction {
  if (linter !== undefined) lintWords(node, linter);
  const parsed = isFrom(node) ? parseFrom(node) : parseInstruction(node);
  if (linter === undefined) return parsed;
  if (!("kind" in parsed)) lintDescription(parsed, "FROM", parsed.name === undefined ? [] : [parsed.name], linter);
  else if (parsed.kind === "arg")
    lintDescription(
      parsed,
      "ARG",
      parsed.args.map((arg) => arg.key),
      linter,
    );
  return parsed;
}

/**
 * Gives a Dockerfile's nodes their meaning. Nothing is expanded: `expandInstruction` does that with the variables of
 * the place. A linter is told what the words alone break; what it had to say before an error, it has said.
 * @throws {invalid_argument} `dockerfile parse error on line 2: unknown instruction: FOOBAR`, with its lines.
 */
export function parseStages(dockerfile: Dockerfile, linter?: Linter): Stages {
  const { filename } = dockerfile;
  const metaArgs: ArgInstruction[] = [];
  const stages: Stage[] = [];
  if (linter !== undefined) lintGrammar(dockerfile, linter);
  let instructions: Instruction[] = [];
  for (const node of dockerfile.nodes) {
    const source = { filename, location: node.location };
    const parsed = located(
      source,
      () => parseNode(node, linter),
      `dockerfile parse error on line ${node.location.start}`,
    );
    if (!("kind" in parsed)) {
      instructions = [];
      stages.push({ ...parsed, instructions });
    } else if (stages.length > 0) instructions.push(parsed);
    else if (parsed.kind === "arg") metaArgs.push(parsed);
    else {
      located(source, () => {
        throw invalidDockerfile("no build stage in current context");
      });
    }
  }
  if (linter !== undefined) lintStages(stages, linter);
  return { filename, metaArgs, stages };
}

/**
 * Reads what a base image's config keeps of ONBUILD.
 * @throws {invalid_argument} where the text is no single instruction a stage may hold.
 */
export function parseTrigger(expression: string): Instruction {
  const [node] = parseDockerfile(expression, { filename: "ONBUILD" }).nodes;
  if (node === undefined) throw invalidDockerfile("file with no instructions");
  return parseInstruction(node);
}
