import { existsSync, watch } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { freezeCgroup, reapProcess, waitForProcess } from "#host";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { Container } from "./container.ts";
import { nothingToDo, refuseRemoval, wrongState } from "./containerError.ts";
import { NEVER, timestamp } from "./document.ts";
import type { ProcessIdentity } from "./document.ts";
import type { HealthMonitors } from "./health/healthMonitors.ts";
import { nextDelayMs, policyRestarts } from "./restart/restartDecision.ts";
import type { Runtime } from "./runtime/chooseRuntime.ts";
import type { ExitWatch } from "./runtime/exitWatch.ts";
import { takeUpLog } from "./output/openLog.ts";
import { clear, launch, LaunchFailed } from "./runtime/launch.ts";
import type { LaunchContext } from "./runtime/launch.ts";
import { clearLeftRun } from "./runtime/leftRun.ts";
import { StartQueue } from "./runtime/startQueue.ts";
import { connectStreams, isAlive, reapMonitor } from "./runtime/monitor.ts";
import { cgroupOf } from "./spec/runtimeSpec.ts";

export interface LifecycleContext extends LaunchContext {
  readonly exits: ExitWatch;
  readonly health: HealthMonitors;
  readonly records: { remove(id: string): boolean };
  /** All records that `work` changes change together, in one write. */
  atomically(work: () => void): void;
  runtime(container: Container): Promise<Runtime>;
}

/** A client that does not read keeps output from ending; the exit is told all the same after this long. */
const OUTPUT_GRACE_MS = 2000;
/** Docker's exit code for a container whose end nobody saw. */
const LOST_EXIT_CODE = 255;
const SIGKILL_EXIT_CODE = 137;
const SIGKILL = 9;
/** After a kill its monitor tells of the end at once; one that is silent for so long never will. */
const MONITOR_GRACE_MS = 5000;
/** A runtime that has not made a container after so long, and whose container is not wanted any more, is killed. */
const START_GRACE_MS = 3000;
/** The file that conmon makes in the bundle. */
const OOM_MARK = "oom";

/** Does nothing when the process has just gone. */
function sendSignal(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** What moves a container from state to state: start, its exit, removal, and finding it again after a restart. */
export class Lifecycle {
  readonly #context: LifecycleContext;
  readonly #starts = new StartQueue();

  constructor(context: LifecycleContext) {
    this.#context = context;
  }

  /** A person's start. @throws {not_modified} when it runs; {LaunchFailed} and others after which it is not running, and removed if `--rm`. */
  start(container: Container): Promise<void> {
    return container.exclusive(async () => {
      if (container.removal !== undefined) throw wrongState("container is marked for removal and cannot be started");
      if (container.isPaused) throw wrongState("cannot start a paused container, try unpause instead");
      if (container.isActive) throw nothingToDo(`container ${container.id} is already running`);
      container.update({ restartCount: 0, stoppedByUser: false });
      container.restart.lastDelayMs = 0;
      container.restart.stopAsked = false;
      await this.#run(container);
    });
  }

  async #run(container: Container): Promise<void> {
    const { init: _init, monitor: _monitor, ...before } = container.state;
    const giveUp = new AbortController();
    container.giveUpStart = () => giveUp.abort();
    const { signal } = giveUp;
    try {
      const runtime = await this.#context.runtime(container);
      const { init, monitor } = await this.#starts.run(() => launch(container, this.#context, { runtime, signal }));
      const startedAt = timestamp();
      const fresh = { status: "running", init, monitor, exitCode: 0, error: "", oomKilled: false, startedAt } as const;
      container.setState({ ...before, ...fresh });
      this.#context.health.start(container, { isNewRun: true });
      container.emit("start");
      this.#watch(container);
    } catch (error) {
      this.#notStarted(container, error);
      throw error instanceof LaunchFailed ? error.cause : error;
    } finally {
      container.giveUpStart = undefined;
    }
  }

  #notStarted(container: Container, error: unknown): void {
    const exitCode = error instanceof LaunchFailed ? error.exitCode : 128;
    const status = container.state.status === "restarting" ? "exited" : container.state.status;
    container.setState({ ...container.state, status, exitCode, error: messageOf(error) });
    container.renewHub().end();
    container.waiters.tell("exit", { StatusCode: exitCode });
    if (container.document.hostConfig.AutoRemove) this.#removeQuietly(container);
  }

  #watch(container: Container): void {
    this.#flushAtEnd(container);
    const stopOomWatch = this.#watchOom(container);
    void this.#context.exits
      .wait(container.id, container.state.monitor)
      .then((code) => this.#ended(container, code))
      .catch((error: unknown) => this.#report(container, error))
      .finally(stopOomWatch);
  }

  #report(container: Container, error: unknown): void {
    this.#context.log("error", `container ${container.id}: ${messageOf(error)}`);
  }

  /** A client that does not read must not keep conmon from taking the exit: not even a kill would be seen. */
  #flushAtEnd({ hub, state: { init } }: Container): void {
    if (init === undefined) return;
    waitForProcess(init.pid)
      .then(() => hub.flush())
      .catch(() => undefined); // a client that is too slow delays the end, no more
  }

  /** The kernel may kill a process of the container that goes on: conmon then leaves a mark in its bundle. */
  #watchOom(container: Container): () => void {
    const tell = (): void => {
      if (container.state.oomKilled || !container.isRunning || !existsSync(container.paths.oomMark)) return;
      container.setState({ ...container.state, oomKilled: true });
      container.emit("oom");
    };
    try {
      const watcher = watch(container.paths.bundle, { persistent: false }, (_event, name) => {
        if (name === OOM_MARK) tell();
      });
      watcher.on("error", () => undefined); // the bundle is gone: so is the run
      return () => watcher.close();
    } catch {
      return () => undefined; // the run has ended already: the mark is read with its exit
    }
  }

  /** Tells the exit first, cleans up behind it; whoever asks for more waits until that is done. */
  async #ended(container: Container, code: number | undefined): Promise<void> {
    const { monitor } = container.state;
    if (code === undefined) await this.#killOrphan(container);
    await Promise.race([container.hub.ended, sleep(OUTPUT_GRACE_MS, undefined, { ref: false })]);
    container.renewHub();
    const exitCode = code ?? SIGKILL_EXIT_CODE;
    // Its networks are left before its end is told, as in Docker: whoever hears of it may take its ports.
    this.#context.sandboxes.close(container.id);
    this.#context.mounts.tellUnmounts(container.document);
    const restartIn = this.#recordExit(container, exitCode);
    const cleared = container.exclusive(async () =>
      clear(container, this.#context, await this.#context.runtime(container)),
    );
    container.waiters.tell("exit", { StatusCode: exitCode });
    // What cannot be cleared stands in the way of the next start, not of its removal.
    await cleared.catch((error: unknown) => this.#report(container, error));
    reapMonitor(monitor).catch((error: unknown) => this.#report(container, error));
    if (restartIn !== undefined) this.#planRestart(container, restartIn);
    else if (container.document.hostConfig.AutoRemove) this.#removeQuietly(container);
  }

  /** Starts it after the delay, unless somebody stops or removes it meanwhile. */
  #planRestart(container: Container, delayMs: number): void {
    const giveUp = new AbortController();
    container.restart.cancel = () => {
      giveUp.abort();
      container.restart.cancel = undefined;
      if (container.state.status !== "restarting") return;
      container.setState({ ...container.state, status: "exited" });
      container.waiters.tell("exit", { StatusCode: container.state.exitCode });
    };
    if (container.restart.stopAsked) return container.restart.cancel();
    sleep(delayMs, undefined, { signal: giveUp.signal, ref: false })
      .then(() => this.#startAgain(container, giveUp.signal))
      .catch((error: unknown) => {
        if (!giveUp.signal.aborted) this.#context.log("warn", `restart of ${container.id}: ${messageOf(error)}`);
      });
  }

  #startAgain(container: Container, signal: AbortSignal): Promise<void> {
    return container.exclusive(async () => {
      if (signal.aborted || container.state.status !== "restarting" || container.removal !== undefined) return;
      container.restart.cancel = undefined;
      await this.#run(container);
      // Whoever asked while it started waits for its end.
      if (container.restart.stopAsked) this.signal(container, SIGKILL);
    });
  }

  /** Does `work` (a stop and a start) to a container that would remove itself at its end. */
  async withoutRemoval(container: Container, work: () => Promise<void>): Promise<void> {
    container.keepOnExit = true;
    try {
      await work();
    } finally {
      container.keepOnExit = false;
    }
  }

  /** Its monitor was killed: nobody holds its streams any more, it cannot go on. */
  async #killOrphan(container: Container): Promise<void> {
    const { init } = container.state;
    if (isAlive(init)) {
      sendSignal(init.pid, SIGKILL);
      await waitForProcess(init.pid);
      reapProcess(init.pid);
    }
    container.hub.end();
  }

  /** Records and tells the end of a run; the delay in ms after which it shall run again, if it shall. */
  #recordExit(container: Container, exitCode: number): number | undefined {
    const { init: _init, monitor: _monitor, ...state } = container.state;
    const { hostConfig, restartCount = 0, stoppedByUser = false } = container.document;
    const oomKilled = state.oomKilled || existsSync(container.paths.oomMark);
    const finishedAt = timestamp();
    const ranMs = Math.max(0, Date.parse(finishedAt) - Date.parse(state.startedAt));
    const run = { exitCode, ranMs, restartCount, stoppedByUser };
    const again = !container.restart.stopAsked && policyRestarts(hostConfig.RestartPolicy, run);
    this.#context.health.stop(container);
    if (again) container.update({ restartCount: restartCount + 1 });
    const { health } = container.state;
    container.setState({
      ...state,
      status: again ? "restarting" : "exited",
      exitCode,
      oomKilled,
      finishedAt,
      ...(health === undefined ? {} : { health }),
    });
    if (oomKilled && !state.oomKilled) container.emit("oom");
    container.emit("die", { execDuration: String(Math.trunc(ranMs / 1000)), exitCode: String(exitCode) });
    if (!again) return undefined;
    container.restart.lastDelayMs = nextDelayMs(container.restart.lastDelayMs, ranMs);
    return container.restart.lastDelayMs;
  }

  #removeQuietly(container: Container): void {
    if (container.keepOnExit) return;
    // Nobody asked for more when a removal that a crash cut off is ended.
    const volumes = container.document.hostConfig.AutoRemove;
    this.remove(container, { volumes }).catch((error: unknown) =>
      this.#context.log("error", `cannot remove container ${container.id}: ${messageOf(error)}`),
    );
  }

  /** Removes a container that does not run, and its anonymous volumes if asked; a second call joins the first. */
  remove(container: Container, options: { readonly volumes: boolean }): Promise<void> {
    container.restart.cancel?.();
    container.removal ??= this.#remove(container, options).catch((error: unknown) => {
      container.removal = undefined;
      if (!container.isRunning) container.setState({ ...container.state, status: "dead" });
      throw error;
    });
    return container.removal;
  }

  #remove(container: Container, options: { readonly volumes: boolean }): Promise<void> {
    const { snapshots, sandboxes, index, records, mounts } = this.#context;
    const forget = (id: string): void => {
      sandboxes.forget(id);
      records.remove(id);
    };
    return container.exclusive(async () => {
      const { id, paths, state } = container;
      // A start that was under way has come first.
      if (container.isRunning) throw refuseRemoval(container);
      container.setState({ ...state, status: "removing" });
      const removeTop = async (): Promise<void> => {
        await snapshots.unmount(id);
        await snapshots.remove(id);
      };
      await Promise.all([removeTop(), rm(paths.directory, { recursive: true, force: true })]);
      await mounts.remove(container.document, options.volumes);
      this.#context.atomically(() => forget(id));
      index.remove(container);
      container.renewHub().end();
      container.emit("destroy");
      container.waiters.tell("exit", { StatusCode: state.exitCode });
      container.waiters.tell("removed", { StatusCode: state.exitCode });
    });
  }

  /** Whatever it does, also when its start is under way. */
  async forceRemove(container: Container, options: { readonly volumes: boolean }): Promise<void> {
    const late = setInterval(() => container.giveUpStart?.(), START_GRACE_MS);
    try {
      if (container.isActive) await this.#killAndWait(container);
      await this.remove(container, options);
    } catch (error) {
      if (!container.isActive) throw error;
      await this.#killAndWait(container);
      await this.remove(container, options);
    } finally {
      clearInterval(late);
    }
  }

  /** Kills a running container, or gives up its planned restart, and waits until its end is recorded. */
  async #killAndWait(container: Container): Promise<void> {
    const ended = container.waiters.wait("exit");
    container.restart.stopAsked = true;
    container.restart.cancel?.();
    if (container.isRunning) {
      this.signal(container, SIGKILL);
      container.emit("kill", { signal: String(SIGKILL) });
    }
    const monitor = container.isRunning ? container.state.monitor : undefined;
    const late = setTimeout(() => this.#endMonitor(container, monitor), MONITOR_GRACE_MS);
    if (container.isActive) await ended;
    clearTimeout(late);
  }

  /** A monitor that does not tell of the end (it hangs, somebody stopped it) goes as well: its own end tells. */
  #endMonitor(container: Container, monitor: ProcessIdentity | undefined): void {
    if (!isAlive(monitor) || container.state.monitor !== monitor) return;
    this.#context.log("warn", `container ${container.id}: its monitor ${monitor.pid} is killed, it does not answer`);
    try {
      sendSignal(monitor.pid, SIGKILL);
    } catch (error) {
      this.#report(container, error);
    }
  }

  /** Does nothing when the process is gone already. What is frozen is let go on to die of SIGKILL (cgroup v1 needs that). */
  signal(container: Container, signal: number): void {
    const { init } = container.state;
    if (!isAlive(init)) return;
    try {
      sendSignal(init.pid, signal);
    } catch (error) {
      throw new EngineError("internal", ErrorCode.SYSCALL, `cannot kill container: ${container.id}`, { cause: error });
    }
    if (signal === SIGKILL && container.isPaused) {
      freezeCgroup(cgroupOf(container.document), false).catch((error: unknown) =>
        this.#context.log("warn", `container ${container.id}: ${messageOf(error)}`),
      );
    }
  }

  /** Brings a document that an earlier daemon left in line with what is, and starts what its policy wants running. */
  async takeUp(container: Container): Promise<void> {
    const { state, document } = container;
    if (state.status === "removing" || state.status === "dead") {
      await this.#clearLeft(container);
      return this.#removeQuietly(container);
    }
    if (container.isRunning) {
      const lives = this.#context.exits.read(container.id) === undefined && isAlive(state.monitor);
      if (lives) {
        await takeUpLog(container, this.#context).catch((error: unknown) =>
          this.#context.log("warn", `container ${container.id}: its log: ${messageOf(error)}`),
        );
        this.#reconnect(container);
      } else container.hub.end();
      await this.#watchOrLost(container);
      if (lives && !container.isPaused) this.#context.health.start(container, { isNewRun: false });
      return;
    }
    await this.#clearLeft(container);
    if (document.hostConfig.AutoRemove) return this.#removeQuietly(container);
    this.#resumePolicy(container);
  }

  /** A run that the last daemon started and did not live to record, or recorded as ended and did not live to clear. */
  async #clearLeft(container: Container): Promise<void> {
    if (!existsSync(container.paths.bundle)) return;
    const runtime = await this.#context.runtime(container);
    await clearLeftRun(container.id, container.paths, { layout: this.#context.layout, runtime });
    await clear(container, this.#context, runtime);
  }

  /** What stood still when the last daemon went: `always` starts even what a person stopped, as in Docker. */
  #resumePolicy(container: Container): void {
    const { state, document } = container;
    const { restartCount = 0, stoppedByUser = false, hostConfig } = document;
    const ranMs = Date.parse(state.finishedAt) - Date.parse(state.startedAt);
    const run = { exitCode: state.exitCode, ranMs, restartCount, stoppedByUser };
    if (state.startedAt === NEVER || !policyRestarts(hostConfig.RestartPolicy, run)) {
      if (state.status === "restarting") container.setState({ ...state, status: "exited" });
      return;
    }
    container.restart.stopAsked = false;
    container.setState({ ...state, status: "restarting" });
    this.#planRestart(container, 0);
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
