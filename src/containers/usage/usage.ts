import { findProgram, listCgroupProcesses, runProgram } from "#host";
import { EngineError, ErrorCode } from "#errors";
import type { Container } from "../container.ts";
import { wrongState } from "../containerError.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";
import { parsePsArguments, parsePsOutput } from "./processTable.ts";
import { sampleNow, Sampler } from "./sampler.ts";
import type { Sample } from "./sampler.ts";
import { statsOnWire } from "./statsView.ts";
import type { ProcessList, StatsOptions, StatsResponse, UsageService } from "./usageService.ts";

const MAX_PS_BYTES = 16 << 20;

/** What all containers use. */
export class Usage implements UsageService {
  readonly #index: ContainerIndex;
  readonly #sampler = new Sampler();

  constructor({ index }: { readonly index: ContainerIndex }) {
    this.#index = index;
  }

  async *stats(reference: string, { stream, oneShot, signal }: StatsOptions): AsyncGenerator<StatsResponse> {
    const container = this.#index.get(reference);
    const view = (sample: Sample | undefined, previous: Sample | undefined): StatsResponse =>
      statsOnWire(container.document, sample, previous);
    let previous = sampleNow(container);
    if (stream || oneShot || previous === undefined) yield view(previous, undefined);
    if (!stream && (oneShot || previous === undefined)) return;
    for await (const sample of this.#samples(container, signal)) {
      yield view(sample, sample === undefined ? undefined : previous);
      previous = sample;
      if (!stream || !this.#index.has(container)) return;
    }
  }

  /** Only the newest one waits for a slow reader. */
  async *#samples(container: Container, signal: AbortSignal): AsyncGenerator<Sample | undefined> {
    let newest: { readonly sample: Sample | undefined } | undefined;
    let wake = (): void => undefined;
    const stop = this.#sampler.watch(container, (sample) => {
      newest = { sample };
      wake();
    });
    const onAbort = (): void => wake();
    signal.addEventListener("abort", onAbort);
    try {
      while (!signal.aborted) {
        if (newest === undefined) await new Promise<void>((resolve) => (wake = resolve));
        const taken = newest;
        newest = undefined;
        if (taken !== undefined) yield taken.sample;
      }
    } finally {
      stop();
      signal.removeEventListener("abort", onAbort);
    }
  }

  async top(reference: string, psArguments: string): Promise<ProcessList> {
    const args = parsePsArguments(psArguments === "" ? "-ef" : psArguments);
    const container = this.#index.get(reference);
    if (container.state.status === "restarting") {
      throw wrongState(`Container ${container.id} is restarting, wait until the container is running`);
    }
    if (!container.isRunning) throw wrongState(`container ${container.id} is not running`);
    const file = findProgram("ps");
    if (file === undefined) {
      const message = "ps is not installed: install the Debian package procps";
      throw new EngineError("failed_precondition", ErrorCode.MISSING_PROGRAM, message);
    }
    const pids = listCgroupProcesses(cgroupOf(container.document));
    const table = await ps(file, args, pids);
    container.emit("top");
    return parsePsOutput(table, new Set(pids));
  }
}

/** Only the container's rows where ps can choose them, all of the host's where its arguments forbid that. */
async function ps(file: string, args: readonly string[], pids: readonly number[]): Promise<string> {
  const call = { file, maxOutputBytes: MAX_PS_BYTES };
  const chosen = await runProgram({ ...call, args: [...args, `-q${pids.join(",")}`] });
  if (chosen.code === 0) return chosen.stdout.toString();
  const all = await runProgram({ ...call, args });
  if (all.code === 0) return all.stdout.toString();
  const [why = ""] = all.stderr.toString().split("\n");
  throw new EngineError("internal", ErrorCode.INTERNAL, why === "" ? `ps: exit status ${all.code}` : `ps: ${why}`);
}
