import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isNotFound, messageOf } from "#errors";
import { parseCall } from "../build/buildAttributes.ts";
import { BUILD_FLAGS } from "../build/buildFlags.ts";
import type { BuildFlags } from "../build/buildFlags.ts";
import { callResult } from "../build/callResult.ts";
import { canOpenShell, openDebugShell } from "../build/debugShell.ts";
import { recordCaches } from "../build/ociLayout.ts";
import { explanationText, imageIdOf, warningsText, writeMetadata } from "../build/results.ts";
import { BuildFailure, prepareCall, runBuild } from "../build/runBuild.ts";
import type { Outcome } from "../build/runBuild.ts";
import { BuilderStore } from "../builders/builderStore.ts";
import type { BuildName } from "../builders/builderStore.ts";
import { Builders, checkContext, placeBuild, sessionOf } from "../builders/builders.ts";
import type { Builder, PlacedBuild } from "../builders/builders.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError, isCommandError } from "../core/commandError.ts";
import type { Session } from "../core/session.ts";
import { openBuildScreen, PROGRESS_MODES } from "../progress/solveDisplay.ts";
import type { BuildScreen, ProgressMode } from "../progress/solveDisplay.ts";

const IGNORED = {
  isolation: "isolation flag is deprecated with BuildKit.",
  securityOption: 'security-opt flag is deprecated. "RUN --security=insecure" should be used with BuildKit.',
  squash:
    "experimental flag squash is removed with BuildKit. You should squash inside build using a multi-stage Dockerfile for efficiency.",
};

function progressMode(flags: BuildFlags): { readonly mode: ProgressMode; readonly isQuiet: boolean } {
  const { progress } = flags;
  const isQuiet = flags.quiet || progress === "quiet";
  if (isQuiet && progress !== "auto" && progress !== "quiet") {
    throw new Error(`progress=${progress} and quiet cannot be used together`);
  }
  const mode = isQuiet ? "quiet" : PROGRESS_MODES.find((known) => known === progress);
  if (mode === undefined) throw new Error(`invalid progress mode ${progress}`);
  return { mode, isQuiet };
}

/** A failure says that there is a shell to be had, if somebody can use it. */
function afterFailure(session: Session, { failure, message }: BuildFailure): CommandError {
  const { shell, exitCode } = failure;
  if (shell !== undefined) return new CommandError("", 1);
  const isOffered = exitCode !== undefined && canOpenShell(session);
  return new CommandError(isOffered ? `${message}\n--debug-shell opens a shell where the step began` : message);
}

interface Finished extends Outcome {
  /** `builder/node/id` */
  readonly ref: string;
}

/** For `buildx history`: names and paths are the client's. A folder that cannot be written is no reason to fail. */
function saveState(
  store: BuilderStore,
  name: BuildName,
  { context, flags }: { readonly context: string; readonly flags: BuildFlags },
): void {
  const isRemote = context === "-" || /^[a-z+]+:\/\/|^git@/.test(context);
  const LocalPath = isRemote ? context : resolve(context);
  const named = flags.file === "-" || isRemote ? flags.file : resolve(flags.file);
  const DockerfilePath = flags.file === "" && !isRemote ? join(LocalPath, "Dockerfile") : named;
  try {
    store.saveState(name, { Target: "default", LocalPath, DockerfilePath });
  } catch {
    // The record is there, without a path.
  }
}

/** On the only node that has a part in it. */
async function buildOnOne(
  session: Session,
  work: { readonly context: string; readonly flags: BuildFlags; readonly screen: BuildScreen },
  at: { readonly builder: Builder; readonly place: PlacedBuild },
): Promise<Finished> {
  const { context, flags, screen } = work;
  const { node } = at.place;
  const own = sessionOf(session, node);
  try {
    const isElsewhere = flags.load && own.chosen.host.address !== session.chosen.host.address;
    await using load = isElsewhere ? (await import("../build/loadElsewhere.ts")).loadedElsewhere(session) : undefined;
    const prepared = await prepareCall(own, context, load?.changed(flags) ?? flags);
    const { ref } = prepared.request;
    saveState(new BuilderStore(session.config), { builder: at.builder.Name, node: node.Name, ref }, work);
    const outcome = await runBuild(own, prepared, {
      update: (status) => screen.update(status),
      openShell: async ({ message }, shell) => {
        screen.close();
        session.warn(message);
        await openDebugShell(own, shell);
      },
    });
    await load?.finish();
    recordCaches(prepared.request.cacheExports, outcome.response);
    return { ...outcome, ref: `${at.builder.Name}/${node.Name}/${ref}` };
  } catch (error) {
    if (error instanceof BuildFailure) throw afterFailure(own, error);
    throw error;
  } finally {
    if (own !== session) await own[Symbol.asyncDispose]();
  }
}

function warnIgnored(session: Session, flags: BuildFlags): void {
  const ignored = [
    ...(flags.isolation === "" ? [] : [IGNORED.isolation]),
    ...(flags["security-opt"].length === 0 ? [] : [IGNORED.securityOption]),
    ...(flags.squash ? [IGNORED.squash] : []),
  ];
  for (const text of ignored) session.warn(`WARNING: ${text}`);
}

async function buildOn(session: Session, context: string, flags: BuildFlags): Promise<number> {
  warnIgnored(session, flags);
  const builders = new Builders(session);
  const builder = builders.find(flags.builder);
  checkContext(session, builder);
  const call = parseCall(flags);
  if (flags["debug-shell"] && !canOpenShell(session)) throw new Error("the input device is not a TTY");
  const { mode, isQuiet } = progressMode(flags);
  const places = await placeBuild(session, builder, flags.platform);
  // A stale one would be taken for this build's.
  if (flags.iidfile !== "") rmSync(flags.iidfile, { force: true });
  const screen = openBuildScreen(session.stderr, {
    mode,
    description: `building with ${JSON.stringify(builder.Name)} instance using ${builder.Driver} driver`,
    corner: `${builder.Driver}:${builder.Name}`,
  });
  const work = { context, flags, screen };
  let outcome: Finished;
  try {
    const [place, ...others] = places;
    if (place === undefined) throw new Error(`builder ${JSON.stringify(builder.Name)} has no node`);
    if (others.length === 0) outcome = await buildOnOne(session, work, { builder, place });
    else {
      const { buildOnSeveral } = await import("../build/buildOnSeveral.ts");
      outcome = await buildOnSeveral(session, work, { builder, places });
    }
  } finally {
    screen.close();
    session.stderr.write(warningsText(screen, session.global.debug));
  }
  if (!builder.isContext) builders.store.touch(builder.Name);
  const { response, explanations, ref } = outcome;
  if (flags.explain) session.stderr.write(explanations.map(explanationText).join(""));
  if (isQuiet && call === undefined) session.print(`${imageIdOf(response)}\n`);
  if (flags.iidfile !== "") writeFileSync(flags.iidfile, imageIdOf(response));
  if (flags["metadata-file"] !== "") writeMetadata(flags["metadata-file"], { ...response, "buildx.build.ref": ref });
  if (call === undefined) return 0;
  const { text, exitCode } = callResult(call, response);
  session.print(text);
  return exitCode;
}

/** `varve build`. */
export const build: Command = defineCommand({
  use: "[OPTIONS] PATH | URL | -",
  short: "Build an image from a Dockerfile",
  examples: `build -t web .
build -t web --target test --build-arg GO=1.24 -f docker/Dockerfile .
build -o out --target artifacts .
build --secret id=token,src=token.txt --ssh default https://example.com/app.git#main
build --explain .`,
  args: { min: 1, max: 1 },
  flags: BUILD_FLAGS,
  async run({ session, flags, args: [context = ""] }) {
    try {
      return await buildOn(session, context, flags);
    } catch (error) {
      if (isCommandError(error)) throw error;
      if (isNotFound(error) && messageOf(error).includes("page not found")) {
        throw new CommandError(
          `ERROR: the engine at ${session.chosen.host.address} is none of varve's: build with docker there`,
        );
      }
      throw new CommandError(`ERROR: ${messageOf(error)}`);
    }
  },
});
