import { OutlineCapture } from "#dockerfile";
import type { Stage } from "#dockerfile";
import type { Platform } from "#oci";
import type { Vertex } from "../graph/vertex.ts";
import { splitEntry, type StageImage } from "./imageDraft.ts";
import { later } from "./later.ts";
import type { Later } from "./later.ts";
import type { LinkedInstruction } from "./links.ts";
import { joinPath } from "./paths.ts";
import { layered, SCRATCH } from "./vertices.ts";

/** ARG as the stage has it so far. */
export interface StageArgument {
  readonly key: string;
  readonly value: string | undefined;
}

export interface StageInit {
  readonly stage: Stage;
  /** Position among the stages of the Dockerfile; undefined: an image that COPY --from or a mount names. */
  readonly index: number | undefined;
  readonly platform: Platform | undefined;
  readonly outline?: OutlineCapture;
}

/** Variables by name, also as `NAME=value`: thousands of steps, each with thousands of variables, share those texts. */
export class StageEnvironment extends Map<string, string> {
  readonly #texts: string[] = [];
  readonly #places = new Map<string, number>();

  constructor(entries: Iterable<readonly [string, string]> = []) {
    super();
    for (const [name, value] of entries) this.set(name, value);
  }

  override set(name: string, value: string): this {
    const place = this.#places.get(name) ?? this.#texts.length;
    this.#places.set(name, place);
    this.#texts[place] = `${name}=${value}`;
    return super.set(name, value);
  }

  /** As they are now. */
  texts(): readonly string[] {
    return this.#texts.slice();
  }

  /** The text of a variable among those of an earlier moment. */
  textIn(texts: readonly string[], name: string): string | undefined {
    const place = this.#places.get(name);
    return place === undefined ? undefined : texts[place];
  }
}

/** A stage on its way from FROM to its last instruction: its filesystem, environment and image so far. */
export class StageState {
  readonly stage: Stage;
  readonly index: number | undefined;
  /** What the stage asks for. */
  readonly outline: OutlineCapture;
  /** The stage that FROM names. */
  base: StageState | undefined;
  platform: Platform | undefined;
  /** Shown in the names of steps; empty when there is only one stage. */
  name: string;
  image: StageImage | undefined;
  vertex: Later<Vertex> = () => SCRATCH;
  instructions: LinkedInstruction[] = [];
  /** Stages that instructions read from. */
  readonly sources: Set<StageState> = new Set();
  environment: StageEnvironment = new StageEnvironment();
  workingDirectory = "/";
  readonly buildArguments: StageArgument[] = [];
  /** Of the base stages: in the environment, but not among what RUN's history names. */
  inheritedArguments: readonly StageArgument[] = [];
  /** Paths of the build context that this stage reads. */
  readonly contextPaths: Set<string> = new Set();
  /** Paths of this stage that others read; shared with the base: what is read of a stage may come from its base. */
  paths: Set<string> = new Set();
  /** Nothing is to be dispatched any more. */
  isDone = false;
  isResolved = false;
  /** A named context stands in for it. */
  isReplaced = false;
  hasTriggers = false;
  ignoreCache = false;
  stepIndex = 0;
  stepTotal = 0;

  readonly #steps: ((before: Vertex) => Vertex)[] = [];

  constructor({ stage, index, platform, outline = new OutlineCapture() }: StageInit) {
    this.stage = stage;
    this.outline = outline;
    this.index = index;
    this.platform = platform;
    this.name = stage.name ?? (index === undefined ? "" : `stage-${index}`);
  }

  /** Takes over what the base stage is. */
  inherit(): void {
    const { base } = this;
    if (base === undefined) return;
    this.vertex = base.vertex;
    this.platform = base.platform;
    this.image = base.image?.copy();
    if (this.image !== undefined) this.image.config.OnBuild = null;
    this.paths = base.paths;
    this.environment = new StageEnvironment(base.environment);
    this.inheritedArguments = [...base.inheritedArguments, ...base.buildArguments];
  }

  /** The environment and directory that instructions begin with are the image's. */
  beginEnvironment(): void {
    for (const entry of this.image?.config.Env ?? []) this.environment.set(...splitEntry(entry));
    const directory = this.image?.config.WorkingDir ?? "";
    if (directory !== "") this.workingDirectory = joinPath("/", directory);
  }

  /** What follows is built on what `make` makes of what was here before. */
  build(make: (before: Vertex) => Vertex): void {
    if (this.#steps.push(make) > 1) return;
    const [before, steps] = [this.vertex, this.#steps];
    // One after the other: a Dockerfile may have more steps than a stack has frames.
    this.vertex = later(() => {
      let vertex = layered(before());
      for (const step of steps) vertex = step(vertex);
      return vertex;
    });
  }

  /** This stage and all it needs, directly or not. */
  reachable(): Set<StageState> {
    const found = new Set<StageState>([this]);
    // A set grows while it is walked.
    for (const { base, sources } of found) {
      if (base !== undefined) found.add(base);
      for (const source of sources) found.add(source);
    }
    return found;
  }
}
