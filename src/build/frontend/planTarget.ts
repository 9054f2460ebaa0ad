import {
  expandWord,
  lintDefaultBase,
  lintFrom,
  OutlineCapture,
  outlineAnswer,
  parseTrigger,
  StageLinter,
  withSource,
} from "#dockerfile";
import type {
  Dockerfile,
  Expansion,
  IgnoreMatcher,
  Instruction,
  Linter,
  Stage,
  Stages,
  SubrequestAnswer,
} from "#dockerfile";
import { EngineError, ErrorCode, wrapError } from "#errors";
import { formatPlatform, parsePlatform, parseReference } from "#oci";
import type { Platform } from "#oci";
import { goQuote } from "#gotext";
import type { Vertex } from "../graph/vertex.ts";
import type { TargetPlan } from "../plan.ts";
import type { BuildRequest } from "../request.ts";
import { refuseCircles, resolveBase } from "./baseImages.ts";
import { StageDispatch } from "./dispatch.ts";
import type { FrontendHost } from "./frontendHost.ts";
import type { FrontendImages } from "./frontendImages.ts";
import { later } from "./later.ts";
import { StageTable } from "./links.ts";
import { localVertex } from "./mainContext.ts";
import type { MainContext } from "./mainContext.ts";
import { followPathsOf, NamedContexts } from "./namedContexts.ts";
import { platformArguments } from "./platformArguments.ts";
import type { PlanContext } from "./planContext.ts";
import { StageState } from "./stage.ts";
import { layered } from "./vertices.ts";

/** What is the same for all platforms of a build. */
export interface PlanInput {
  readonly request: BuildRequest;
  readonly host: FrontendHost;
  readonly main: MainContext;
  readonly dockerfile: Dockerfile;
  readonly parsed: Stages;
  readonly images: FrontendImages;
  readonly linter: Linter;
  /** Checks look at every stage, needed or not. */
  readonly isEveryStage?: boolean;
}

const STEPS: ReadonlySet<string> = new Set(["add", "copy", "run", "workdir"]);

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

function mountsUnnamed(instruction: Instruction): boolean {
  return instruction.kind === "run" && instruction.mounts.some(({ from }) => from === "");
}

/** Plans one platform. `platform` undefined: this machine's, unless the base says otherwise. */
export async function planTarget(input: PlanInput, platform: Platform | undefined): Promise<TargetPlan> {
  const planner = new TargetPlanner(input, platform);
  return planner.plan();
}

/** What the target asks for: arguments, secrets, ssh. */
export async function outlineTarget(input: PlanInput, platform: Platform | undefined): Promise<SubrequestAnswer> {
  const planner = new TargetPlanner(input, platform);
  await planner.plan();
  return planner.outline();
}

class TargetPlanner {
  readonly #input: PlanInput;
  readonly #context: PlanContext;
  readonly #globals: Map<string, string>;
  /** Of the arguments before the first FROM. */
  readonly #outline = new OutlineCapture();
  #excludes: readonly string[] = [];
  readonly #linters = new Map<StageState, StageLinter>();

  constructor(input: PlanInput, platform: Platform | undefined) {
    this.#input = input;
    const { request, host, main, dockerfile, images, linter, parsed } = input;
    const { options } = request;
    const targetPlatform = platform ?? host.buildPlatform;
    const stageName = options.target ?? parsed.stages.at(-1)?.name ?? "default";
    this.#globals = platformArguments(host.buildPlatform, targetPlatform, options.buildArguments, stageName);
    const stages = new StageTable();
    this.#context = {
      request,
      options,
      host,
      dockerfile,
      escape: dockerfile.escape,
      stages,
      globals: this.#globals,
      images,
      namedContexts: new NamedContexts(request, host, images),
      buildContext: later(() => main.remote ?? this.#contextVertex()),
      ignored: undefined,
      linter,
      targetPlatform,
      isImplicit: platform === undefined,
      epoch: undefined,
    };
  }

  /** After the plan. */
  outline(): SubrequestAnswer {
    const target = this.#target();
    const captures = [...target.reachable()].map(({ outline }) => outline);
    return outlineAnswer(target.stage, captures, this.#input.dockerfile.text);
  }

  async plan(): Promise<TargetPlan> {
    this.#lintDefaults();
    this.#readGlobals();
    this.#addStages();
    const target = this.#target();
    this.#link();
    const reachable = await this.#resolve(target);
    const { excludes, ignored } = await this.#input.main.ignoring();
    this.#excludes = excludes;
    this.#dispatch(reachable, ignored);
    target.paths.add("/");
    const violation = this.#input.linter.violation();
    if (violation !== undefined) throw violation;
    return this.#result(target);
  }

  get #epoch(): number | undefined {
    const text =
      this.#context.options.buildArguments.get("SOURCE_DATE_EPOCH") ?? this.#globals.get("SOURCE_DATE_EPOCH");
    if (text === undefined || text === "") return undefined;
    if (!/^-?\d+$/.test(text))
      throw refused(`invalid SOURCE_DATE_EPOCH: ${text}: strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax`);
    return Number(text);
  }

  #located<T>(stage: { readonly location: Stage["location"] }, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw withSource(error, { filename: this.#input.dockerfile.filename, location: stage.location });
    }
  }

  /** A base that is a name only when some build argument is given is worth a warning. */
  #lintDefaults(): void {
    const { parsed, linter, dockerfile } = this.#input;
    const values = new Map(this.#globals);
    for (const { args } of parsed.metaArgs)
      for (const { key, value } of args) {
        if (value === undefined) continue;
        try {
          values.set(key, expandWord(value, values, { escape: dockerfile.escape }).result);
        } catch {
          return;
        }
      }
    for (const stage of parsed.stages) {
      try {
        const { result } = expandWord(stage.baseName, values, { escape: dockerfile.escape });
        if (result !== "scratch") parseReference(result);
      } catch {
        lintDefaultBase(stage, linter);
      }
    }
  }

  /** ARG before the first FROM. */
  #readGlobals(): void {
    const { escape, options } = this.#context;
    for (const instruction of this.#input.parsed.metaArgs) {
      for (const arg of instruction.args) {
        const { key, value } = arg;
        const given = options.buildArguments.get(key);
        const own = (): Expansion | undefined =>
          value === undefined ? undefined : expandWord(value, this.#globals, { escape });
        const expansion = given === undefined ? this.#located(instruction, own) : undefined;
        const result = given ?? expansion?.result;
        if (result !== undefined) this.#globals.set(key, result);
        this.#outline.define(arg, result, instruction.location, expansion?.matched);
      }
    }
  }

  #addStages(): void {
    const { stages, options } = this.#context;
    for (const [index, stage] of this.#input.parsed.stages.entries()) {
      const state = this.#located(stage, () => this.#expandFrom(stage, index));
      stages.add(state);
      if (this.#isReplaced(state)) continue;
      const hasBaseStep = state.stage.baseName !== "scratch" && state.base === undefined;
      state.stepTotal = (hasBaseStep ? 1 : 0) + stage.instructions.filter(({ kind }) => STEPS.has(kind)).length;
      const { noCache } = options;
      const name = stage.name?.toLowerCase() ?? "";
      state.ignoreCache = noCache === "all" || noCache.some((one) => one.toLowerCase() === name);
    }
  }

  /** A named context takes a stage's place as a whole: neither its base nor its instructions count. */
  #isReplaced(state: StageState): boolean {
    const { name } = state.stage;
    const { namedContexts, targetPlatform } = this.#context;
    state.isReplaced = name !== undefined && namedContexts.has(name, state.platform ?? targetPlatform);
    if (state.isReplaced) state.base = undefined;
    return state.isReplaced;
  }

  #expandFrom(stage: Stage, index: number): StageState {
    const { escape } = this.#context;
    const base = expandWord(stage.baseName, this.#globals, { escape });
    if (base.result === "") throw refused(`base name (${stage.baseName}) should not be blank`);
    const platform = stage.platform === undefined ? undefined : expandWord(stage.platform, this.#globals, { escape });
    const parsed = platform === undefined ? undefined : this.#parsePlatform(stage, platform);
    lintFrom(
      stage,
      {
        base,
        platform,
        parsedPlatform: parsed,
        known: [
          ...this.#globals.keys(),
          ...this.#input.parsed.metaArgs.flatMap(({ args }) => args.map(({ key }) => key)),
        ],
        targetPlatform: this.#globals.get("TARGETPLATFORM") ?? "",
      },
      this.#context.linter,
    );
    const outline = new OutlineCapture(this.#outline);
    outline.use(base.matched);
    outline.use(platform?.matched ?? []);
    return new StageState({ stage: { ...stage, baseName: base.result }, index, platform: parsed, outline });
  }

  #parsePlatform(stage: Stage, { result }: Expansion): Platform {
    if (result === "") throw refused(`empty platform value from expression ${stage.platform ?? ""}`);
    try {
      return parsePlatform(result);
    } catch (error) {
      throw wrapError(error, `failed to parse platform ${stage.platform ?? ""}`);
    }
  }

  #target(): StageState {
    const { stages, options } = this.#context;
    const { target } = options;
    const found = target === undefined ? stages.stages.at(-1) : stages.find(target);
    if (found !== undefined) return found;
    throw refused(`target stage "${target ?? ""}" could not be found`);
  }

  #link(): void {
    const { stages } = this.#context;
    for (const state of stages.stages) {
      if (state.isReplaced) continue;
      state.instructions = state.stage.instructions.map((instruction) =>
        this.#located(instruction, () => stages.link(instruction, state)),
      );
    }
    refuseCircles(stages.stages, this.#input.dockerfile.filename);
    const [only] = stages.stages;
    // BuildKit takes a mount that names no stage for one of its own.
    const isAlone =
      stages.stages.length === 1 && only?.instructions.every(({ instruction }) => !mountsUnnamed(instruction));
    if (isAlone === true && only !== undefined) only.name = "";
  }

  /** Base images of all that the target needs; their ONBUILD may need more. */
  async #resolve(target: StageState): Promise<ReadonlySet<StageState>> {
    for (;;) {
      const reachable = this.#input.isEveryStage === true ? new Set(this.#context.stages.stages) : target.reachable();
      const waiting = [...reachable].filter((state) => state.base === undefined && !state.isResolved);
      const outcomes = await Promise.allSettled(
        waiting.map((state) => {
          state.isResolved = true;
          return resolveBase(this.#context, state);
        }),
      );
      for (const [index, outcome] of outcomes.entries()) {
        const stage = waiting[index]?.stage;
        if (outcome.status === "rejected" && stage !== undefined) this.#located(stage, () => rethrow(outcome.reason));
      }
      if (!this.#addTriggers(this.#context.stages.stages.filter((state) => reachable.has(state)))) return reachable;
    }
  }

  /** ONBUILD of base images and base stages; true when they read from a stage or image that is new. */
  #addTriggers(reachable: readonly StageState[]): boolean {
    let isNew = false;
    for (const state of reachable) {
      if (state.hasTriggers) continue;
      state.hasTriggers = true;
      const fromStage = state.base?.instructions.flatMap(({ instruction }) =>
        instruction.kind === "onbuild" ? [instruction.expression] : [],
      );
      const expressions = fromStage ?? state.image?.config.OnBuild ?? [];
      if (state.image !== undefined) state.image.config.OnBuild = null;
      const linked = expressions.map((text) =>
        this.#located(state.stage, () => this.#context.stages.link(parseTrigger(text), state, true)),
      );
      if (linked.some(({ sources }) => sources.some((source) => source !== undefined))) isNew = true;
      state.instructions = [...linked, ...state.instructions];
      state.stepTotal += linked.filter(({ instruction }) => STEPS.has(instruction.kind)).length;
    }
    return isNew;
  }

  #dispatch(reachable: ReadonlySet<StageState>, ignored: IgnoreMatcher | undefined): void {
    const context = { ...this.#context, epoch: this.#epoch, ignored };
    for (const state of this.#context.stages.stages) {
      if (!reachable.has(state) || state.isDone) continue;
      state.inherit();
      state.image?.ensurePath();
      state.beginEnvironment();
      const linter = new StageLinter(
        context.linter,
        state.base === undefined ? undefined : this.#linters.get(state.base),
      );
      this.#linters.set(state, linter);
      new StageDispatch(context, state, linter).all();
    }
  }

  #contextVertex(): ReturnType<typeof localVertex> {
    const { request, host } = this.#input;
    const wanted = new Set(this.#context.stages.stages.flatMap(({ contextPaths }) => [...contextPaths]));
    const followPaths = followPathsOf(wanted);
    return localVertex(
      { request, host },
      {
        label: "[internal] load build context",
        directory: request.options.contextDirectory,
        excludes: this.#excludes,
        ...(followPaths === undefined ? {} : { followPaths }),
      },
    );
  }

  #result(target: StageState): TargetPlan {
    const { options, targetPlatform, isImplicit } = this.#context;
    const { image } = target;
    // In their order, which is that of their needs: none has to make another first.
    const reachable = target.reachable();
    for (const state of this.#context.stages.stages) if (reachable.has(state)) state.vertex();
    const vertex = layered(target.vertex());
    if (image === undefined) throw new Error(`stage ${target.name} has no image`);
    const labels = Object.fromEntries(options.labels);
    const config =
      options.labels.size === 0 ? image.config : { ...image.config, Labels: { ...image.config.Labels, ...labels } };
    const platform = isImplicit ? image.platform : targetPlatform;
    return {
      platform,
      vertex: vertex.operation.kind === "scratch" ? undefined : vertex,
      image: {
        platform,
        author: image.author,
        config,
        history: image.history,
        epoch: this.#epoch,
        base: image.base === undefined ? undefined : { ...image.base },
        materials: materialsOf(vertex),
      },
    };
  }
}

/** The images that a graph needs. */
function materialsOf(target: Vertex): TargetPlan["image"]["materials"] {
  const found = new Set<Vertex>([target]);
  const materials = new Map<string, { readonly uri: string; readonly digest: string }>();
  for (const { inputs, operation } of found) {
    for (const input of inputs) found.add(input);
    if (operation.kind !== "image") continue;
    const { reference, manifest, imageId, platform } = operation;
    const uri = `pkg:docker/${reference.path}@${reference.tag ?? ""}?platform=${encodeURIComponent(formatPlatform(platform))}`;
    materials.set(uri, { uri, digest: manifest ?? imageId });
  }
  return [...materials.values()];
}

function rethrow(error: unknown): never {
  throw error;
}
