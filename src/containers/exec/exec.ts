import { createHash, randomBytes } from "node:crypto";
import type { Container } from "../container.ts";
import type { ExecConfig } from "./execRequest.ts";
import type { ExecProcess } from "./execProcess.ts";
import type { ConsoleSize, ExecInspection } from "./execService.ts";

/** created → running → ended. */
type ExecState =
  | { readonly status: "created" }
  | { readonly status: "running"; readonly process: Promise<ExecProcess> }
  | { readonly status: "ended"; readonly exitCode: number; readonly pid: number; readonly at: number };

/** What Docker shows for every exec that did not come to run. */
const REFUSED_EXIT_CODE = 126;

/** One more process of a container, from its creation to a while after its end. */
export class Exec {
  readonly id: string = createHash("sha256").update(randomBytes(32)).digest("hex");
  readonly container: Container;
  readonly config: ExecConfig;
  #state: ExecState = { status: "created" };
  #process: ExecProcess | undefined;

  constructor(container: Container, config: ExecConfig) {
    this.container = container;
    this.config = config;
    container.execIds.add(this.id);
  }

  get state(): ExecState {
    return this.#state;
  }

  /** The process starts: once. */
  begin(process: Promise<ExecProcess>): void {
    this.#state = { status: "running", process };
    process.then(
      (started) => (this.#process = started),
      () => undefined,
    );
  }

  end(exitCode: number): void {
    this.container.execIds.delete(this.id);
    this.#state = { status: "ended", exitCode, pid: this.#pid, at: Date.now() };
    this.#process = undefined;
  }

  refuse(): void {
    this.#pid = 0;
    this.end(REFUSED_EXIT_CODE);
  }

  #pid = 0;

  /** Kept past the process's end, as Docker shows it. */
  pid(): number {
    this.#pid = this.#process?.pid() || this.#pid;
    return this.#pid;
  }

  async resize(size: ConsoleSize): Promise<void> {
    if (this.#state.status === "running") (await this.#state.process).resize(size);
  }

  emit(action: string, attributes: Readonly<Record<string, string>> = {}): void {
    this.container.emit(action, { execID: this.id, ...attributes });
  }

  inspect(): ExecInspection {
    const { command, privileged, tty, user, stdin, stdout, stderr, detachKeys, givesDetachKeys } = this.config;
    const [entrypoint = "", ...rest] = command;
    const pid = this.pid();
    return {
      ID: this.id,
      Running: this.#state.status === "running",
      ExitCode: this.#state.status === "ended" ? this.#state.exitCode : null,
      ProcessConfig: { tty, entrypoint, arguments: rest, privileged, ...(user === "" ? {} : { user }) },
      OpenStdin: stdin,
      OpenStderr: stderr,
      OpenStdout: stdout,
      CanRemove: false,
      ContainerID: this.container.id,
      DetachKeys: givesDetachKeys ? Buffer.from(detachKeys).toString("base64") : "",
      Pid: pid,
    };
  }
}
