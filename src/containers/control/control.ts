import { freezeCgroup } from "#host";
import type { Filters } from "#engineapi";
import { EngineError, ErrorCode, wrapError } from "#errors";
import type { Container } from "../container.ts";
import { nameInUse, nothingToDo, wrongState } from "../containerError.ts";
import { parseName } from "../createContainer.ts";
import { networkFacts } from "../networking/networkFacts.ts";
import type { ContainerRoom } from "../room.ts";
import { findSignal, parseSignal } from "../signals.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";
import type { ContainerControl, StopOptions } from "./containerControl.ts";
import { pruneContainers } from "./prune.ts";
import { updateContainer } from "./update.ts";

const DEFAULT_STOP_SECONDS = 10;
const SIGKILL = 9;
/** One whose process hangs in the kernel ends when it will. */
const KILL_WAIT_MS = 10_000;

/** See {@link ContainerControl}. */
export class Control implements ContainerControl {
  readonly #room: ContainerRoom;

  constructor(room: ContainerRoom) {
    this.#room = room;
  }

  async kill(reference: string, signal: string): Promise<void> {
    try {
      const number = parseSignal(signal === "" ? "SIGKILL" : signal);
      const container = this.#room.index.get(reference);
      if (!container.isActive) throw wrongState(`container ${container.id} is not running`);
      await (number === SIGKILL && container.isRunning ? this.#end(container) : this.#signal(container, number));
    } catch (error) {
      throw wrapError(error, `cannot kill container: ${reference}`);
    }
  }

  async stop(reference: string, options: StopOptions = {}): Promise<void> {
    const container = this.#room.index.get(reference);
    if (!container.isActive) throw nothingToDo(`container ${container.id} is not running`);
    await this.#stop(container, options);
  }

  async restart(reference: string, options: StopOptions = {}): Promise<void> {
    const container = this.#room.index.get(reference);
    const { lifecycle } = this.#room;
    try {
      await lifecycle.withoutRemoval(container, async () => {
        if (container.isActive) await this.#stop(container, options);
        await lifecycle.start(container);
      });
    } catch (error) {
      throw wrapError(error, `Cannot restart container ${reference}`);
    }
    container.emit("restart");
  }

  async pause(reference: string): Promise<void> {
    const container = this.#room.index.get(reference);
    await container.exclusive(async () => {
      if (!container.isActive) throw wrongState(`container ${container.id} is not running`);
      if (container.isPaused) throw wrongState(`Container ${container.id} is already paused`);
      if (!container.isRunning) {
        throw wrongState(`Container ${container.id} is restarting, wait until the container is running`);
      }
      try {
        await freezeCgroup(cgroupOf(container.document), true);
      } catch (error) {
        throw wrapError(error, `Cannot pause container ${container.id}`);
      }
      // It may have ended while it froze: its end is then recorded, and stays so.
      if (!container.isRunning) throw wrongState(`container ${container.id} is not running`);
      container.setState({ ...container.state, status: "paused" });
      this.#room.health.stop(container);
      container.emit("pause");
    });
  }

  async unpause(reference: string): Promise<void> {
    const container = this.#room.index.get(reference);
    await container.exclusive(() => this.#thaw(container));
  }

  async rename(reference: string, text: string): Promise<void> {
    const container = this.#room.index.get(reference);
    const invalid = (message: string): EngineError =>
      new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
    if (text.replace(/^\//, "") === "") throw invalid("Neither old nor new names may be empty");
    const { name: oldName } = container.document;
    if (text.replace(/^\//, "") === oldName) {
      throw invalid("Renaming a container with the same name as its current name");
    }
    try {
      const name = parseName(text, `/${text.replace(/^\//, "")}`);
      const owner = this.#room.index.findByName(name);
      if (owner !== undefined) throw nameInUse(name, owner.id);
      container.update({ name });
    } catch (error) {
      throw wrapError(error, "Error when allocating new name");
    }
    this.#room.options.sandboxes.rename(networkFacts(container, this.#room.index));
    container.emit("rename", { oldName: `/${oldName}` });
  }

  async update(reference: string, request: unknown): Promise<{ readonly Warnings: readonly string[] | null }> {
    return updateContainer(this.#room, reference, request);
  }

  prune(filters: Filters): ReturnType<ContainerControl["prune"]> {
    return pruneContainers(this.#room, filters);
  }

  /** Signals a process, or gives up the start that a restart policy has planned. A paused one goes on, to hear it. */
  async #signal(container: Container, number: number): Promise<void> {
    const stopSignal = findSignal(container.document.config.StopSignal ?? "");
    const endsIt = stopSignal === undefined || stopSignal === number || number === SIGKILL;
    const wasPaused = container.isPaused;
    if (endsIt) container.restart.stopAsked = true;
    container.update({ stoppedByUser: true });
    if (!container.isRunning) {
      container.restart.cancel?.();
      return;
    }
    this.#room.lifecycle.signal(container, number);
    container.emit("kill", { signal: String(number) });
    if (endsIt && wasPaused) await container.exclusive(() => this.#thaw(container)).catch(() => undefined);
  }

  /** SIGKILL, and the end that it brings: who starts the container right after it starts it anew. */
  async #end(container: Container): Promise<void> {
    const ended = container.waiters.wait("exit", AbortSignal.timeout(KILL_WAIT_MS)).catch(() => undefined);
    await this.#signal(container, SIGKILL);
    if (container.isActive) await ended;
  }

  async #stop(container: Container, { timeoutSeconds, signal }: StopOptions): Promise<void> {
    const { StopSignal = "SIGTERM", StopTimeout } = container.document.config;
    const ended = container.waiters.wait("exit");
    container.restart.stopAsked = true;
    const seconds = timeoutSeconds ?? StopTimeout ?? DEFAULT_STOP_SECONDS;
    const number = parseSignal(signal ?? StopSignal);
    if (container.isActive) await this.#signal(container, number);
    const timer = seconds < 0 ? undefined : setTimeout(() => this.#killLate(container), seconds * 1000);
    if (container.isActive) await ended;
    clearTimeout(timer);
    container.emit("stop");
  }

  #killLate(container: Container): void {
    // What went wrong shows in that the container does not end.
    if (container.isRunning) void this.#signal(container, SIGKILL).catch(() => undefined);
  }

  async #thaw(container: Container): Promise<void> {
    if (!container.isPaused) {
      throw new EngineError("internal", ErrorCode.CONTAINER_STATE, `Container ${container.id} is not paused`);
    }
    await freezeCgroup(cgroupOf(container.document), false);
    if (!container.isPaused) return;
    container.setState({ ...container.state, status: "running" });
    this.#room.health.start(container, { isNewRun: false });
    container.emit("unpause");
  }
}
