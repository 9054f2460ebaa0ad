import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "#errors";
import type { Container } from "../container.ts";
import { timestamp } from "../document.ts";
import { afterProbe, planHealth, probeDelayMs, startingHealth } from "./healthState.ts";
import type { HealthPlan, HealthState, ProbeResult } from "./healthState.ts";

/** What a probe came to. */
export interface ProbeOutcome {
  readonly exitCode: number;
  /** Both streams, at most `maxOutputBytes` of them. */
  readonly output: string;
  readonly timedOut: boolean;
}

/** Runs a program in a running container, without anyone attached. */
export interface ProbeRunner {
  run(
    container: Container,
    probe: { readonly command: readonly string[]; readonly timeoutMs: number; readonly maxOutputBytes: number },
  ): Promise<ProbeOutcome>;
}

const MAX_OUTPUT_BYTES = 4096;
const SECOND = 1000;

/** `1s`, `1.5s`, `500ms`, `1m30s`: how Go prints a duration. */
export function goDuration(ms: number): string {
  if (ms < SECOND) return `${ms}ms`;
  const seconds = ms / SECOND;
  const hours = Math.trunc(seconds / 3600);
  const minutes = Math.trunc((seconds % 3600) / 60);
  const rest = `${Number((seconds % 60).toFixed(3))}s`;
  return hours > 0 ? `${hours}h${minutes}m${rest}` : minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** Three dots for what was more, as in Docker. */
export function limited(output: string): string {
  const bytes = Buffer.from(output);
  return bytes.length <= MAX_OUTPUT_BYTES ? output : `${bytes.subarray(0, MAX_OUTPUT_BYTES).toString()}...`;
}

/** Probes running containers that have a health check, each by its own clock. */
export class HealthMonitors {
  readonly #running = new Map<string, AbortController>();
  readonly #log: (level: "warn", line: string) => void;
  #runner: ProbeRunner | undefined;

  constructor(log: (level: "warn", line: string) => void) {
    this.#log = log;
  }

  /** Probes are execs; that part of the room is made after this one. */
  useRunner(runner: ProbeRunner): void {
    this.#runner = runner;
  }

  /** Begins to probe; `isNewRun` begins the container's health anew. Does nothing for one without a health check. */
  start(container: Container, { isNewRun }: { readonly isNewRun: boolean }): void {
    const { Healthcheck, Shell } = container.document.config;
    const plan = planHealth(Healthcheck, Shell);
    this.#running.get(container.id)?.abort();
    if (plan === undefined) return;
    if (isNewRun || container.state.health === undefined) setHealth(container, startingHealth(container.state.health));
    const controller = new AbortController();
    this.#running.set(container.id, controller);
    this.#watch(container, plan, controller.signal).catch((error: unknown) => {
      if (!controller.signal.aborted) this.#log("warn", `health of container ${container.id}: ${messageOf(error)}`);
    });
  }

  /** Docker calls a container whose monitor has ended unhealthy: nobody knows better. */
  stop(container: Container): void {
    this.#running.get(container.id)?.abort();
    if (!this.#running.delete(container.id)) return;
    const { health } = container.state;
    if (health !== undefined) setHealth(container, { ...health, Status: "unhealthy" });
  }

  /** Ends all clocks and changes nothing: the next daemon goes on. */
  close(): void {
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
  }

  async #watch(container: Container, plan: HealthPlan, signal: AbortSignal): Promise<void> {
    for (;;) {
      const { health, startedAt } = container.state;
      if (health === undefined) return;
      const delay = probeDelayMs(health, plan, Date.now() - Date.parse(startedAt));
      await sleep(delay, undefined, { signal, ref: false });
      const result = await this.#probe(container, plan);
      const before = container.state.health;
      if (signal.aborted || before === undefined) return;
      const after = afterProbe(before, result, plan, container.state.startedAt);
      setHealth(container, after);
      if (after.Status !== before.Status) container.emit(`health_status: ${after.Status}`);
    }
  }

  async #probe(container: Container, plan: HealthPlan): Promise<ProbeResult> {
    const Start = timestamp();
    const result = (ExitCode: number, Output: string): ProbeResult => ({ Start, End: timestamp(), ExitCode, Output });
    try {
      const runner = this.#runner;
      if (runner === undefined) throw new Error("no runner of probes was given");
      const { command, timeoutMs } = plan;
      const outcome = await runner.run(container, { command, timeoutMs, maxOutputBytes: MAX_OUTPUT_BYTES + 1 });
      const output = limited(outcome.output);
      if (!outcome.timedOut) return result(outcome.exitCode, output);
      const words = `Health check exceeded timeout (${goDuration(timeoutMs)})`;
      return result(-1, output === "" ? words : `${words}: ${output}`);
    } catch (error) {
      return result(-1, messageOf(error));
    }
  }
}

function setHealth(container: Container, health: HealthState): void {
  container.setState({ ...container.state, health });
}
