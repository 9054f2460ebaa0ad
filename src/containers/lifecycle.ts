import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { waitForProcess } from "#host";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { Container } from "./container.ts";
import type { ContainerIndex } from "./containerIndex.ts";
import { nothingToDo, wrongState } from "./containerError.ts";
import { timestamp } from "./document.ts";
import type { Runtime } from "./runtime/chooseRuntime.ts";
import type { ExitWatch } from "./runtime/exitWatch.ts";
import { clear, launch, LaunchFailed } from "./runtime/launch.ts";
import type { LaunchContext } from "./runtime/launch.ts";
import { connectStreams, isAlive } from "./runtime/monitor.ts";

export interface LifecycleContext extends LaunchContext {
  readonly index: ContainerIndex;
  readonly exits: ExitWatch;
  readonly records: { remove(id: string): boolean };
  runtime(container: Container): Promise<Runtime>;
  log(level: "warn" | "error", line: string): void;
}

/** A client that does not read keeps output from ending; the exit is told all the same after this long. */
const OUTPUT_GRACE_MS = 2000;
/** Docker's exit code for a container whose end nobody saw. */
const LOST_EXIT_CODE = 255;
const SIGKILL_EXIT_CODE = 137;

/** What moves a container from state to state: start, its exit, removal, and finding it again after a restart. */
export class Lifecycle {
  readonly #context: LifecycleContext;

  constructor(context: LifecycleContext) {
    this.#context = context;
  }

  /** @throws {not_modified} when it runs; {LaunchFailed} and others after which it is not running, and removed if `--rm`. */
  start(container: Container): Promise<void> {
    return container.exclusive(async () => {
      if (container.removal !== undefined) throw wrongState("container is marked for removal and cannot be started");
      if (container.isRunning) throw nothingToDo(`container ${container.id} is already running`);
      const runtime = await this.#context.runtime(container);
      try {
        const { init, monitor } = await launch(container, this.#context, runtime);
        const startedAt = timestamp();
        container.setState({ ...container.state, status: "running", init, monitor, exitCode: 0, error: "", startedAt });
        container.emit("start");
        this.#watch(container);
      } catch (error) {
        this.#notStarted(container, error);
        throw error instanceof LaunchFailed ? error.cause : error;
      }
    });
  }

  #notStarted(container: Container, error: unknown): void {
    const exitCode = error instanceof LaunchFailed ? error.exitCode : 128;
    container.setState({ ...container.state, exitCode, error: messageOf(error) });
    container.renewHub().end();
    container.waiters.tell("exit", { StatusCode: exitCode });
    if (container.document.hostConfig.AutoRemove) this.#removeQuietly(container);
  }

  #watch(container: Container): void {
    void this.#context.exits
      .wait(container.id, container.state.monitor)
      .then((code) => this.#ended(container, code))
      .catch((error: unknown) => this.#context.log("error", `container ${container.id}: ${messageOf(error)}`));
  }

  /** Tells the exit first, cleans up behind it; whoever asks for more waits until that is done. */
  async #ended(container: Container, code: number | undefined): Promise<void> {
    if (code === undefined) await this.#killOrphan(container);
    await Promise.race([container.hub.ended, sleep(OUTPUT_GRACE_MS, undefined, { ref: false })]);
    container.renewHub();
    const exitCode = code ?? SIGKILL_EXIT_CODE;
    this.#recordExit(container, exitCode);
    const cleared = container.exclusive(async () =>
      clear(container, this.#context, await this.#context.runtime(container)),
    );
    container.waiters.tell("exit", { StatusCode: exitCode });
    await cleared;
    if (container.document.hostConfig.AutoRemove) this.#removeQuietly(container);
  }

  /** Its monitor was killed: nobody holds its streams any more, it cannot go on. */
  async #killOrphan(container: Container): Promise<void> {
    const { init } = container.state;
    if (isAlive(init)) {
      process.kill(init.pid, "SIGKILL");
      await waitForProcess(init.pid);
    }
    container.hub.end();
  }

  #recordExit(container: Container, exitCode: number): void {
    const { init: _init, monitor: _monitor, ...state } = container.state;
    const oomKilled = existsSync(container.paths.oomMark);
    container.setState({ ...state, status: "exited", exitCode, oomKilled, finishedAt: timestamp() });
    const seconds = Math.trunc((Date.parse(container.state.finishedAt) - Date.parse(state.startedAt)) / 1000);
    if (oomKilled) container.emit("oom");
    container.emit("die", { execDuration: String(Math.max(0, seconds)), exitCode: String(exitCode) });
  }

  #removeQuietly(container: Container): void {
    this.remove(container).catch((error: unknown) =>
      this.#context.log("error", `cannot remove container ${container.id}: ${messageOf(error)}`),
    );
  }

  /** Removes a container that does not run; a second call joins the first. */
  remove(container: Container): Promise<void> {
    container.removal ??= this.#remove(container).catch((error: unknown) => {
      container.removal = undefined;
      throw error;
    });
    return container.removal;
  }

  #remove(container: Container): Promise<void> {
    const { snapshots, index, records } = this.#context;
    return container.exclusive(async () => {
      const { id, paths, state } = container;
      container.setState({ ...state, status: "removing" });
      const removeTop = async (): Promise<void> => {
        await snapshots.unmount(id);
        await snapshots.remove(id);
      };
      await Promise.all([removeTop(), rm(paths.directory, { recursive: true, force: true })]);
      records.remove(id);
      index.remove(container);
      container.renewHub().end();
      container.emit("destroy");
      container.waiters.tell("removed", { StatusCode: state.exitCode });
    });
  }

  /** Kills a running container and waits until its end is recorded. */
  async killAndWait(container: Container): Promise<void> {
    const ended = container.waiters.wait("exit");
    this.signal(container, "SIGKILL");
    if (container.isRunning) await ended;
  }

  /** Does nothing when the process is gone already. */
  signal(container: Container, signal: number | NodeJS.Signals): void {
    const { init } = container.state;
    if (!isAlive(init)) return;
    try {
      process.kill(init.pid, signal);
    } catch (error) {
      throw new EngineError("internal", ErrorCode.SYSCALL, `cannot kill container: ${container.id}`, { cause: error });
    }
  }

  /** Brings a document that an earlier daemon left in line with what is. */
  async takeUp(container: Container): Promise<void> {
    const { state, document } = container;
    if (state.status === "removing") return this.#removeQuietly(container);
    if (state.status === "running") {
      if (this.#context.exits.read(container.id) === undefined && isAlive(state.monitor)) this.#reconnect(container);
      else container.hub.end();
      return this.#watchOrLost(container);
    }
    if (document.hostConfig.AutoRemove) this.#removeQuietly(container);
  }

  #reconnect(container: Container): void {
    try {
      container.hub.connect(connectStreams(container.paths));
    } catch {
      container.hub.end(); // it is just ending: its exit file comes next
    }
  }

  async #watchOrLost(container: Container): Promise<void> {
    const { state, id } = container;
    if (this.#context.exits.read(id) !== undefined || isAlive(state.monitor)) return this.#watch(container);
    await this.#ended(container, isAlive(state.init) ? undefined : LOST_EXIT_CODE);
  }
}
