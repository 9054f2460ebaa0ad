import type { StepCall, StepRunner } from "#containers";
import { EngineError, ErrorCode, isCancelled } from "#errors";
import type { LayerIngests, LayerReads } from "#layers";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { ExecOperation, FileOperation, Filesystem } from "../graph/operation.ts";
import { execKey } from "./execKey.ts";
import type { ContentDigest } from "./execKey.ts";
import { ForeignProgram } from "./foreignProgram.ts";
import { openMounts } from "./execMounts.ts";
import { stepLimits } from "./limits.ts";
import { OutputClip } from "./outputClip.ts";
import { exitError, stepError } from "./stepError.ts";
import type { CacheMounts } from "./cacheMounts.ts";

export interface ExecHandlerOptions {
  readonly steps: StepRunner;
  readonly layers: LayerIngests & LayerReads;
  /** Of bind mounts' sources. */
  readonly contentDigest: ContentDigest;
  readonly cacheMounts: CacheMounts;
  readonly file: OperationHandler<FileOperation>;
  /** ms */
  readonly now: () => number;
}

/** BuildKit's name for every step's host. */
const HOSTNAME = "buildkitsandbox";

/** RUN: what the command changes becomes one layer above its base. */
export function createExecHandler(options: ExecHandlerOptions): OperationHandler<ExecOperation> {
  return {
    keyInputs: (step) => execKey(step, options.contentDigest),
    run: (step) => runExec(options, step),
  };
}

async function runExec(options: ExecHandlerOptions, step: Step<ExecOperation>): Promise<Filesystem> {
  const { operation, signal, inputs, lease } = step;
  const [base] = inputs;
  if (base?.kind !== "layers") throw new Error("a command's root is made of layers");
  await using mounts = await openMounts(options, step);
  const words = operation.arguments;
  const foreign = new ForeignProgram(operation.platform);
  try {
    const call = callOf(options, step, { diffIds: base.diffIds, foreign, ...mounts.ready });
    await using finished = await options.steps.run(call);
    const { exitCode } = finished;
    if (!(operation.validExitCodes ?? [0]).includes(exitCode)) throw exitError(words, exitCode, foreign.complaint);
    const onVerified = lease.keepLayer.bind(lease);
    await using writer = await options.layers.ingestTar({ signal, onVerified });
    for await (const chunk of finished.changes(signal)) await writer.write(chunk);
    const { layer } = await writer.commit();
    return { kind: "layers", diffIds: [...base.diffIds, layer.diffId] };
  } catch (error) {
    if (signal.aborted && isCancelled(error)) {
      const cause = new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled", { cause: error });
      throw stepError(words, cause);
    }
    throw error instanceof EngineError && error.details?.["exitCode"] !== undefined ? error : stepError(words, error);
  }
}

/** What mounts add to a call. */
interface Seen extends Pick<StepCall, "diffIds" | "mounts"> {
  readonly environment: readonly string[];
  readonly foreign: ForeignProgram;
}

function callOf({ now }: ExecHandlerOptions, step: Step<ExecOperation>, seen: Seen): StepCall {
  const { operation, progress, signal } = step;
  const clips = { 1: new OutputClip(now), 2: new OutputClip(now) };
  const { stdin } = operation;
  return {
    diffIds: seen.diffIds,
    mounts: seen.mounts,
    process: {
      arguments: operation.arguments,
      environment: [...operation.environment, ...operation.proxyEnvironment, ...seen.environment],
      workingDirectory: operation.workingDirectory,
      user: operation.user,
      ...(stdin === undefined ? {} : { stdin }),
    },
    isolation: {
      network: operation.network,
      insecure: operation.security === "insecure",
      hostname: operation.hostname ?? HOSTNAME,
      extraHosts: operation.extraHosts.map(parseHost),
    },
    limits: stepLimits(operation.limits),
    signal,
    onOutput: (stream, bytes) => {
      if (stream === 2) seen.foreign.hear(bytes);
      const shown = clips[stream].take(bytes);
      if (shown.length > 0) progress.log(stream, shown);
    },
  };
}

/** `name:address`, or `name=address` as BuildKit's clients write it; a name has neither sign. */
function parseHost(text: string): { readonly name: string; readonly address: string } {
  const at = text.search(/[:=]/);
  return { name: text.slice(0, at), address: text.slice(at + 1) };
}
