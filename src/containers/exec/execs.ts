import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { Snapshotter } from "#snapshots";
import type { Container } from "../container.ts";
import { wrongState } from "../containerError.ts";
import type { Attachment } from "../containerService.ts";
import type { Runtime } from "../runtime/chooseRuntime.ts";
import type { Layout } from "../runtime/paths.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import { isDirectoryInRoot } from "../rootfs/rootfsFiles.ts";
import { attachSession } from "./attachSession.ts";
import { Exec } from "./exec.ts";
import { execFailure } from "./execError.ts";
import { ExecIndex } from "./execIndex.ts";
import { ExecFiles } from "./execProcess.ts";
import type { ExecCall, ExecProcess } from "./execProcess.ts";
import { parseExecRequest } from "./execRequest.ts";
import type { ExecConfig } from "./execRequest.ts";
import type { ConsoleSize, ExecCreateRequest, ExecInspection, ExecService, ExecStartOptions } from "./execService.ts";
import { ExecRefused, startMonitored } from "./monitoredProcess.ts";
import { startPiped } from "./pipedProcess.ts";
import { insideCall } from "./insideCall.ts";
import { prepareProcess } from "./insideProcess.ts";
import type { WaitingProcess } from "./insideProcess.ts";
import { PreparedExecs } from "./preparedExecs.ts";
import { execProcess, factsOf } from "./processSpec.ts";

/** How an exec is started. */
interface Launch {
  readonly foreground: boolean;
  readonly consoleSize?: ConsoleSize;
}

/** What execs need of the room. */
export interface ExecRoom {
  readonly index: ContainerIndex;
  readonly layout: Layout;
  readonly options: {
    readonly snapshots: Pick<Snapshotter, "mount">;
    readonly log: (level: "warn", line: string) => void;
  };
  runtimeOf(container: Container): Promise<Runtime>;
}

/** Program, a space, its arguments: dockerd leaves the space when there are none. */
function described([program = "", ...args]: readonly string[]): string {
  return `${program} ${args.join(" ")}`;
}

/** The execs of all containers. */
export class Execs implements ExecService {
  readonly #room: ExecRoom;
  readonly #index: ExecIndex;
  /** Whose end is waited for: once, however many execs a long run sees. */
  readonly #watched = new WeakSet<Container>();
  readonly #prepared = new PreparedExecs();

  constructor(room: ExecRoom) {
    this.#room = room;
    this.#index = new ExecIndex(room.index);
  }

  async create(reference: string, request: ExecCreateRequest): Promise<{ readonly Id: string }> {
    const config = parseExecRequest(request);
    const container = this.#room.index.get(reference);
    refuseIdle(container, container.document.name);
    const exec = this.add(container, config);
    // Without streams it is one to be detached, whose start says more.
    if (config.stdin || config.stdout || config.stderr) this.#prepared.add(exec, () => this.#prepareAhead(exec));
    return { Id: exec.id };
  }

  /** Registers an exec and tells of it. */
  add(container: Container, config: ExecConfig): Exec {
    this.#forgetWithRun(container);
    const exec = new Exec(container, config);
    this.#index.add(exec);
    exec.emit(`exec_create: ${described(config.command)}`);
    return exec;
  }

  async start(id: string, options: ExecStartOptions): Promise<void> {
    const exec = this.#ready(id);
    refuseStarted(exec);
    await this.launch(exec, { foreground: false, ...options });
  }

  async attach(id: string, options: ExecStartOptions): Promise<Attachment> {
    const exec = this.#ready(id);
    const launch = async (): Promise<ExecProcess> => {
      refuseStarted(exec);
      return this.launch(exec, { foreground: true, ...options });
    };
    return attachSession(exec, launch, (said) => this.failure(exec, said));
  }

  async resize(id: string, size: ConsoleSize): Promise<void> {
    const exec = this.#ready(id);
    if (exec.state.status === "created") {
      throw new EngineError("internal", ErrorCode.CONTAINER_STATE, "timeout waiting for exec session ready");
    }
    await exec.resize(size);
  }

  async inspect(id: string): Promise<ExecInspection> {
    return this.#index.get(id).inspect();
  }

  /**
   * Starts the process; resolves when it runs, as far as its kind can tell: that a piped one was refused is told by its
   * outcome. @throws what makes it no process, in Docker's words
   */
  launch(exec: Exec, how: Launch): Promise<ExecProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<ExecProcess>();
    exec.begin(promise);
    exec.emit(`exec_start: ${described(exec.config.command)}`);
    this.#launch(exec, how).then(resolve, (error: unknown) => {
      exec.refuse();
      reject(error);
    });
    return promise;
  }

  async #launch(exec: Exec, how: Launch): Promise<ExecProcess> {
    const files = this.#filesOf(exec);
    try {
      const process = await this.#begin(exec, how, files);
      void process.outcome.then((outcome) => {
        if ("refused" in outcome) exec.refuse();
        else {
          exec.pid();
          exec.end(outcome.code);
          exec.emit("exec_die", { exitCode: String(outcome.code) });
        }
        this.#clear(files);
      });
      return process;
    } catch (error) {
      this.#clear(files);
      throw error instanceof ExecRefused ? await this.failure(exec, error.message) : error;
    }
  }

  /** By the host itself where that is possible, else by the runtime, also when the host could not: then the runtime says why. */
  async #begin(exec: Exec, how: Launch, files: ExecFiles): Promise<ExecProcess> {
    const { config } = exec;
    const { consoleSize = config.consoleSize } = how;
    const ahead = await this.#prepared.take(exec);
    if (!how.foreground) ahead?.[Symbol.dispose]();
    const early = how.foreground ? await ahead?.start(consoleSize) : undefined;
    if (early !== undefined) return early;
    const call = await this.#prepare(exec, how, files);
    const process = await prepareProcess(call)?.start(consoleSize);
    if (process !== undefined) return process;
    return config.tty || !how.foreground ? startMonitored(call) : startPiped(call);
  }

  async #prepareAhead(exec: Exec): Promise<WaitingProcess | undefined> {
    if (exec.state.status !== "created" || !exec.container.isRunning || exec.container.isPaused) return undefined;
    return prepareProcess(await this.#prepare(exec, { foreground: true }, this.#filesOf(exec)));
  }

  readonly #filesOf = (exec: Exec): ExecFiles => new ExecFiles(join(this.#room.layout.execs, exec.id));

  async #prepare({ container, config }: Exec, how: Launch, files: ExecFiles): Promise<ExecCall> {
    const { path: rootfs } = await this.#room.options.snapshots.mount(container.id);
    const { consoleSize = config.consoleSize } = how;
    const process = execProcess(container, { ...config, ...(consoleSize && { consoleSize }) }, rootfs);
    const inside = insideCall(container, process, factsOf(container));
    return {
      containerId: container.id,
      runtime: await this.#room.runtimeOf(container),
      stateRoot: this.#room.layout.runtimeState,
      files,
      process,
      stdin: config.stdin && how.foreground,
      foreground: how.foreground,
      ...(inside === undefined ? {} : { inside }),
    };
  }

  /** Docker's words for what the runtime said. */
  async failure({ container, config: { command, workingDir } }: Exec, said: string): Promise<EngineError> {
    const [program = ""] = command;
    const { path: rootfs } = await this.#room.options.snapshots.mount(container.id);
    return execFailure(said, {
      program,
      workingDir: workingDir || container.document.config.WorkingDir,
      isDirectory: () => isDirectoryInRoot(rootfs, program),
    });
  }

  #clear({ directory, isWritten }: ExecFiles): void {
    if (!isWritten) return;
    rm(directory, { recursive: true, force: true }).catch((error: unknown) =>
      this.#room.options.log("warn", `cannot remove ${directory}: ${messageOf(error)}`),
    );
  }

  /** Execs that were not started go with the container's run. */
  #forgetWithRun(container: Container): void {
    if (this.#watched.has(container)) return;
    this.#watched.add(container);
    void container.waiters.wait("exit").then(() => {
      this.#watched.delete(container);
      container.execIds.clear();
    });
  }

  /** @throws {not_found} {conflict} when the exec cannot run now */
  #ready(id: string): Exec {
    const exec = this.#index.get(id);
    refuseIdle(exec.container, exec.container.id);
    return exec;
  }
}

function refuseIdle(container: Container, name: string): void {
  if (container.state.status === "restarting") {
    throw wrongState(`Container ${container.id} is restarting, wait until the container is running`);
  }
  if (!container.isRunning) throw wrongState(`container ${container.id} is not running`);
  if (container.isPaused) throw wrongState(`Container ${name} is paused, unpause the container before exec`);
}

function refuseStarted({ id, state }: Exec): void {
  if (state.status === "created") return;
  const what = state.status === "running" ? "is already running" : "has already run";
  throw wrongState(`Error: Exec command ${id} ${what}`);
}
