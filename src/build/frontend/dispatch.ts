import { expandInstruction, withSource } from "#dockerfile";
import type { Instruction, LintPlace, StageLinter } from "#dockerfile";
import { configStep } from "./configSteps.ts";
import { copyStep } from "./copyStep.ts";
import type { LinkedInstruction } from "./links.ts";
import type { PlanContext } from "./planContext.ts";
import { runStep } from "./runStep.ts";
import type { StageState } from "./stage.ts";

/** Instructions of one stage, in their order. */
export class StageDispatch {
  readonly #context: PlanContext;
  readonly #state: StageState;
  readonly #linter: StageLinter;
  #hasCommand = false;

  constructor(context: PlanContext, state: StageState, linter: StageLinter) {
    this.#context = context;
    this.#state = state;
    this.#linter = linter;
  }

  /** @throws what is wrong with an instruction, with its lines */
  all(): void {
    const { filename } = this.#context.dockerfile;
    for (const linked of this.#state.instructions) {
      try {
        this.#one(linked);
      } catch (error) {
        // What a base image's ONBUILD does wrong is wrong at FROM.
        const { location } = linked.isOnBuild ? this.#state.stage : linked.instruction;
        throw withSource(error, { filename, location });
      }
    }
    this.#state.isDone = true;
  }

  #one(linked: LinkedInstruction): void {
    const { instruction: written, sources, isOnBuild } = linked;
    const { escape } = this.#context;
    // ARG's default may not count: it is expanded only when it does.
    const { instruction, undefinedNames } =
      written.kind === "arg"
        ? { instruction: written, undefinedNames: [] }
        : expandInstruction(written, this.#state.environment, { escape });
    this.#linter.lint(instruction, this.#lintPlace(instruction, undefinedNames));
    if (instruction.kind === "run") runStep(this.#context, this.#state, instruction, linked);
    else if (instruction.kind === "copy" || instruction.kind === "add")
      copyStep(this.#context, this.#state, instruction, { source: sources[0], isOnBuild });
    else this.#config(instruction, isOnBuild);
  }

  #config(instruction: Exclude<Instruction, { readonly kind: "run" | "copy" | "add" }>, isOnBuild: boolean): void {
    const { image } = this.#state;
    if (image === undefined) return;
    const place = { context: this.#context, state: this.#state, image, isOnBuild, hasCommand: this.#hasCommand };
    configStep(place, instruction);
    if (instruction.kind === "cmd") this.#hasCommand = true;
  }

  #lintPlace(instruction: Instruction, undefinedNames: readonly string[]): LintPlace {
    const isFromContext = instruction.kind === "add" || (instruction.kind === "copy" && instruction.from === "");
    const state = this.#state;
    return {
      undefinedNames,
      // Asked for when a name is undefined: rarely, and they may be thousands.
      get declared() {
        return [...state.inheritedArguments, ...state.buildArguments].map(({ key }) => key);
      },
      get known() {
        return [...state.environment.keys()];
      },
      shell: (this.#state.image?.config.Shell ?? []).length > 0,
      contextSources: isFromContext ? instruction.sources : [],
      ignored: this.#context.ignored,
    };
  }
}
