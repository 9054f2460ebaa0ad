import type { CopyInstruction, Instruction, RunInstruction, Stage } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import { StageState } from "./stage.ts";

/** An instruction with the stages that it reads from. */
export interface LinkedInstruction {
  readonly instruction: Instruction;
  /** COPY --from: one; RUN: one a mount, undefined where the mount names none. */
  readonly sources: readonly (StageState | undefined)[];
  readonly isOnBuild: boolean;
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

/** The stages of a Dockerfile by name and number, and images that instructions name instead. */
export class StageTable {
  readonly stages: StageState[] = [];
  readonly #known = new Set<StageState>();
  readonly #byName = new Map<string, StageState>();

  add(state: StageState): void {
    this.stages.push(state);
    this.#known.add(state);
    state.base = this.#byName.get(state.stage.baseName);
    if (state.stage.name !== undefined) this.#byName.set(state.stage.name.toLowerCase(), state);
  }

  find(name: string): StageState | undefined {
    return this.#byName.get(name.toLowerCase());
  }

  /** @throws {invalid_argument} `invalid stage index 7` */
  at(index: number): StageState {
    const state = this.stages[index];
    if (state === undefined) throw refused(`invalid stage index ${index}`);
    return state;
  }

  names(): readonly string[] {
    return this.stages.flatMap(({ name }) => (name === "" ? [] : [name]));
  }

  /** Finds what the instruction reads from. */
  link(instruction: Instruction, owner: StageState, isOnBuild = false): LinkedInstruction {
    const sources = this.#sourcesOf(instruction);
    for (const source of sources) {
      if (source === undefined) continue;
      owner.sources.add(source);
      if (!this.#known.has(source)) this.add(source);
    }
    return { instruction, sources, isOnBuild };
  }

  #sourcesOf(instruction: Instruction): readonly (StageState | undefined)[] {
    if (instruction.kind === "copy" && instruction.from !== "") return [this.#copySource(instruction)];
    if (instruction.kind === "run")
      return instruction.mounts.map((mount) => this.#mountSource(mount.from, instruction));
    return [];
  }

  #copySource(instruction: CopyInstruction): StageState {
    const { from } = instruction;
    if (/\$/.test(from)) {
      throw refused(
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
      );
    }
    if (/^[-+]?\d+$/.test(from)) return this.at(Number(from));
    return this.find(from) ?? external(from, instruction);
  }

  #mountSource(from: string, instruction: RunInstruction): StageState | undefined {
    return from === "" ? undefined : (this.find(from) ?? external(from, instruction));
  }
}

/** An image, or a named context, that an instruction reads from without a stage of its own. */
function external(name: string, { location, keyword }: Instruction): StageState {
  const stage: Stage = {
    baseName: name,
    instructions: [],
    location,
    sourceCode: `FROM ${name}`,
    keyword,
    comments: [],
    description: "",
  };
  return new StageState({ stage, index: undefined, platform: undefined });
}
