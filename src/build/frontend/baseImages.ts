import { EngineError, ErrorCode, wrapError } from "#errors";
import { formatPlatform, formatReference, parseReference, withDefaultTag } from "#oci";
import type { ImageConfig, Platform, Reference } from "#oci";
import { lintBasePlatform } from "#dockerfile";
import type { LineRange } from "#dockerfile";
import { StageImage } from "./imageDraft.ts";
import { followPathsOf } from "./namedContexts.ts";
import { locationOf } from "./planContext.ts";
import type { PlanContext } from "./planContext.ts";
import type { StageState } from "./stage.ts";
import { prefixed } from "./stepNames.ts";
import { makeVertex, SCRATCH } from "./vertices.ts";

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

function parseBase(name: string): Reference {
  try {
    return withDefaultTag(parseReference(name));
  } catch (error) {
    throw wrapError(error, `failed to parse stage name "${name}"`);
  }
}

/** Gives a stage without a base stage its first filesystem and image config. */
export async function resolveBase(context: PlanContext, state: StageState): Promise<void> {
  const { targetPlatform, namedContexts } = context;
  const { baseName, name } = state.stage;
  const platform = state.platform ?? targetPlatform;
  const paths = (): readonly string[] | undefined => followPathsOf(state.paths);
  const own = state.isReplaced && name !== undefined ? await namedContexts.find(name, platform, paths) : undefined;
  if (own !== undefined) {
    useContext(state, own, platform);
    state.isDone = true;
    return;
  }
  if (baseName === "scratch") {
    state.vertex = () => SCRATCH;
    state.image = StageImage.scratch(targetPlatform);
    state.platform = targetPlatform;
  } else {
    const reference = parseBase(baseName);
    const found = await namedContexts.find(baseName, platform, paths);
    if (found === undefined) await resolveImage(context, state, { reference, wanted: platform });
    else useContext(state, found, platform);
  }
  if (state.index === undefined) state.isDone = true;
}

function useContext(
  state: StageState,
  { vertex, config }: { readonly vertex: StageState["vertex"]; readonly config: ImageConfig | undefined },
  platform: Platform,
): void {
  state.vertex = vertex;
  state.image = config === undefined ? StageImage.scratch(platform) : StageImage.of(config);
  state.platform = config === undefined ? platform : state.image.platform;
}

async function resolveImage(
  context: PlanContext,
  state: StageState,
  { reference, wanted }: { readonly reference: Reference; readonly wanted: Platform },
): Promise<void> {
  const { options, images, dockerfile, isImplicit, host } = context;
  const { baseName, location, sourceCode } = state.stage;
  const shown = options.multiPlatform ? `${formatPlatform(wanted)} internal` : "internal";
  const taskName = `[${shown}] load metadata for ${formatReference(reference)}`;
  const resolved = await images.resolve({ reference, platform: wanted, taskName }).catch((error: unknown) => {
    throw wrapError(error, baseName);
  });
  const image = StageImage.of(resolved.config);
  const isAutomatic = state.platform === undefined && isImplicit;
  const platform = isAutomatic ? detected(image.platform, wanted, host.buildPlatform) : wanted;
  const full = resolved.digest === undefined ? reference : { ...reference, digest: resolved.digest };
  state.image = image;
  state.platform = platform;
  if (resolved.source.diffIds.length === 0) {
    state.vertex = () => SCRATCH;
    return;
  }
  if (state.stepTotal > 0) state.stepIndex += 1;
  const name = prefixed(
    `FROM ${formatReference(full)}`,
    {
      stage: state.name,
      index: state.stepIndex,
      total: state.stepTotal,
      platform: options.multiPlatform ? platform : undefined,
      isOnBuild: false,
    },
    NO_VARIABLES,
  );
  const vertex = makeVertex({
    name,
    operation: resolved.source,
    location: locationOf(dockerfile, location),
    instruction: sourceCode,
  });
  state.vertex = () => vertex;
  checkPlatform(context, state, { name: baseName, expected: platform, actual: image.platform });
}

function detected(image: Platform, target: Platform, build: Platform): Platform {
  if (image.os === target.os && image.architecture === target.architecture) return target;
  return image.os === build.os && image.architecture === build.architecture ? build : target;
}

function checkPlatform(
  { linter }: PlanContext,
  { stage }: StageState,
  image: { readonly name: string; readonly expected: Platform; readonly actual: Platform },
): void {
  const { name, expected, actual } = image;
  if (expected.os === actual.os && expected.architecture === actual.architecture) return;
  lintBasePlatform(stage, { name, expected: formatPlatform(expected), actual: formatPlatform(actual) }, linter);
}

interface Need {
  readonly stage: StageState;
  readonly location: LineRange;
}

/** What a stage reads from, and where it says so. */
function* needsOf({ base, stage, instructions }: StageState): Iterator<Need, undefined> {
  if (base !== undefined) yield { stage: base, location: stage.location };
  for (const { instruction, sources } of instructions)
    for (const source of sources) if (source !== undefined) yield { stage: source, location: instruction.location };
  return undefined;
}

/** Names every line that leads to the next stage, the last one first. */
function circle({ name }: StageState, filename: string, ranges: readonly LineRange[]): EngineError {
  const message = `circular dependency detected on stage: ${name}`;
  const details = { source: { filename, location: ranges[0], ranges } };
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message, { details });
}

/** @throws {invalid_argument} `circular dependency detected on stage: a` */
export function refuseCircles(states: readonly StageState[], filename: string): void {
  const finished = new Set<StageState>();
  const path = new Set<StageState>();
  const open: { readonly state: StageState; readonly rest: Iterator<Need>; at?: LineRange }[] = [];
  const enter = (state: StageState): void => {
    if (finished.has(state)) return;
    path.add(state);
    open.push({ state, rest: needsOf(state) });
  };
  for (const state of states) {
    enter(state);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const { done, value } = top.rest.next();
      if (done !== true) {
        top.at = value.location;
        if (path.has(value.stage)) throw circle(value.stage, filename, open.flatMap(({ at }) => at ?? []).toReversed());
        enter(value.stage);
        continue;
      }
      path.delete(top.state);
      finished.add(top.state);
      open.pop();
    }
  }
}
