import {
  checkOptionsOf,
  createLinter,
  describeAnswer,
  detectSyntax,
  lintAnswer,
  parseDockerfile,
  parseStages,
  shortLintText,
  sourceOf,
  targetsAnswer,
} from "#dockerfile";
import type { Dockerfile, LintWarning, Stages, SubrequestAnswer } from "#dockerfile";
import { EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import { planDefinition } from "../definitions/planDefinition.ts";
import type { BuildPlan } from "../plan.ts";
import type { BuildRequest } from "../request.ts";
import type { FrontendHost } from "./frontendHost.ts";
import { FrontendImages } from "./frontendImages.ts";
import { loadMainContext } from "./mainContext.ts";
import type { MainContext } from "./mainContext.ts";
import { outlineTarget, planTarget } from "./planTarget.ts";

const MAX_INSTRUCTIONS = 10_000;

/** Frontends that read the language that we read. */
const OURS = /^(?:docker\.io\/)?(?:docker|dockerfilelabs|tonistiigi)\/dockerfile(?:-upstream)?(?:[:@]|$)/;

/**
 * Reads the Dockerfile, resolves base images and plans each platform: vertices to do and image configs. What a stage that
 * nobody needs would do is not planned.
 * @throws {invalid_argument} {not_found} in BuildKit's words; `details.source` has the lines that are meant
 */
export async function planBuild(request: BuildRequest, host: FrontendHost): Promise<BuildPlan> {
  if (request.definition !== undefined) return await planDefinition(request.definition, request, host);
  const main = await loadMainContext(request, host);
  const { filename, text } = main;
  try {
    return await planText(request, host, main);
  } catch (error) {
    throw withText(error, filename, text);
  }
}

async function planText(request: BuildRequest, host: FrontendHost, main: MainContext): Promise<BuildPlan> {
  const { filename, text } = main;
  if (text === "") throw refused("the Dockerfile cannot be empty");
  checkSyntax(text, request);
  const dockerfile = parseDockerfile(text, { filename });
  const { subrequest } = request.options;
  if (subrequest === "frontend.subrequests.describe") return answered(main, describeAnswer());
  if (subrequest === "frontend.lint") return answered(main, await checks(request, host, { main, dockerfile }));
  const linter = createLinter(
    checkOptionsOf(text, request.options.buildArguments.get("BUILDKIT_DOCKERFILE_CHECK")),
    warner(host, main),
  );
  const parsed = parseStages(dockerfile, linter);
  checkCount(parsed);
  const images = new FrontendImages(request, host);
  const input = { request, host, main, dockerfile, parsed, images };
  if (subrequest === "frontend.targets") return answered(main, targetsAnswer(parsed, text));
  if (subrequest === "frontend.outline") {
    const answer = await outlineTarget({ ...input, linter }, request.options.platforms[0]);
    return answered(main, answer);
  }
  const { platforms } = request.options;
  const silent = createLinter(checkOptionsOf(text), () => undefined);
  // A platform that fails does not leave the others' work running behind the answer.
  const outcomes = await Promise.allSettled(
    (platforms.length === 0 ? [undefined] : platforms).map((platform, index) =>
      planTarget({ ...input, linter: index === 0 ? linter : silent }, platform),
    ),
  );
  const targets = outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
  return { targets, dockerfile: { filename, text } };
}

function answered({ filename, text }: MainContext, answer: SubrequestAnswer): BuildPlan {
  return { targets: [], answer, dockerfile: { filename, text } };
}

/** Every stage is looked at, unless one is named; what a build would have failed with is part of the answer. */
async function checks(
  request: BuildRequest,
  host: FrontendHost,
  { main, dockerfile }: { readonly main: MainContext; readonly dockerfile: Dockerfile },
): Promise<SubrequestAnswer> {
  const found: LintWarning[] = [];
  const options = checkOptionsOf(main.text, request.options.buildArguments.get("BUILDKIT_DOCKERFILE_CHECK"));
  // That a check was broken is told as the warning, not as an error.
  const linter = createLinter({ ...options, error: false }, (warning) => found.push(warning));
  try {
    const parsed = parseStages(dockerfile, linter);
    checkCount(parsed);
    const images = new FrontendImages(request, host);
    const input = { request, host, main, dockerfile, parsed, images, linter };
    await planTarget({ ...input, isEveryStage: request.options.target === undefined }, request.options.platforms[0]);
    return lintAnswer(main, found);
  } catch (error) {
    return lintAnswer(main, found, error);
  }
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

/** What nobody writes is refused here, where it still costs nothing. */
function checkCount({ stages, metaArgs }: Stages): void {
  if (stages.length === 0) throw refused("dockerfile contains no stages to build");
  const count = stages.reduce((sum, { instructions }) => sum + 1 + instructions.length, metaArgs.length);
  if (count > MAX_INSTRUCTIONS)
    throw refused(`the Dockerfile has ${count} instructions, more than the ${MAX_INSTRUCTIONS} that are built`);
}

/** `# syntax=docker/dockerfile:1` is what we are; any other language is refused. */
function checkSyntax(text: string, { options }: BuildRequest): void {
  const syntax = options.buildArguments.get("BUILDKIT_SYNTAX") ?? detectSyntax(text)?.reference;
  if (syntax === undefined || OURS.test(syntax)) return;
  throw new EngineError(
    "not_implemented",
    ErrorCode.NOT_IMPLEMENTED,
    `frontend ${syntax} cannot be run: varve builds Dockerfiles`,
    { hint: "Remove the syntax line, or use docker/dockerfile." },
  );
}

function warner(host: FrontendHost, { loaded, filename, text }: MainContext): (warning: LintWarning) => void {
  const encode = (value: string): string => Buffer.from(value).toString("base64");
  return (warning) => {
    const { location, description, url } = warning;
    host.warn({
      vertex: loaded.digest,
      level: 1,
      short: encode(shortLintText(warning)),
      detail: [encode(description)],
      ...(url === "" ? {} : { url }),
      sourceInfo: { filename, data: encode(text), language: "Dockerfile" },
      range: [{ start: { line: location.start }, end: { line: location.end } }],
    });
  };
}

/** Of an error that is about several places. */
function rangesOf({ details }: EngineError): readonly unknown[] | undefined {
  const source = details?.["source"];
  const ranges: unknown = typeof source === "object" && source !== null ? Reflect.get(source, "ranges") : undefined;
  return Array.isArray(ranges) ? ranges : undefined;
}

/** Adds the Dockerfile's text to an error that names lines of it. */
function withText(error: unknown, filename: string, text: string): unknown {
  const source = sourceOf(error);
  const inner = findEngineError(error);
  if (source === undefined || inner === undefined) return error;
  const details = { ...inner.details, source: { filename, text, ranges: rangesOf(inner) ?? [source.location] } };
  return new EngineError(inner.category, inner.code, messageOf(error), {
    details,
    ...(inner.hint === undefined ? {} : { hint: inner.hint }),
    cause: error,
  });
}
