import type { Attachment } from "../containerService.ts";

/** `POST /containers/{id}/exec` body (spec definition ExecConfig). */
export type ExecCreateRequest = Readonly<Record<string, unknown>>;

/** `POST /exec/{id}/start` body, as far as the process is concerned. */
export interface ExecStartOptions {
  /** How the client reads the streams: raw, or as frames. The process has a terminal if it was created with one. */
  readonly tty: boolean;
  readonly consoleSize?: ConsoleSize;
}

/** Size of a terminal in characters. */
export interface ConsoleSize {
  readonly rows: number;
  readonly columns: number;
}

/** `GET /exec/{id}/json` (spec definition ExecInspectResponse). */
export interface ExecInspection {
  readonly ID: string;
  readonly Running: boolean;
  /** null until the process has ended. */
  readonly ExitCode: number | null;
  readonly ProcessConfig: {
    readonly tty: boolean;
    readonly entrypoint: string;
    readonly arguments: readonly string[];
    readonly privileged: boolean;
    readonly user?: string;
  };
  readonly OpenStdin: boolean;
  readonly OpenStderr: boolean;
  readonly OpenStdout: boolean;
  readonly CanRemove: boolean;
  readonly ContainerID: string;
  /** base64 */
  readonly DetachKeys: string;
  /** 0 until it runs. */
  readonly Pid: number;
}

/**
 * More processes in a running container. An exec is created, started once, and kept for inspection: five minutes after
 * its end, or until its container is gone. Its process does not end with a client that leaves, and one that was started
 * detached, or with a terminal, lives through the end of this daemon.
 *
 * Every method but `create` throws {not_found} EXEC_NOT_FOUND, also when the container is gone.
 */
export interface ExecService {
  /** @throws {not_found} CONTAINER_NOT_FOUND, {conflict} CONTAINER_STATE when the container does not run or is paused, {invalid_argument} */
  create(container: string, request: ExecCreateRequest): Promise<{ readonly Id: string }>;
  /** Resolves when the process runs. @throws {conflict} when it was started before, {invalid_argument} when there is no such program */
  start(id: string, options: ExecStartOptions): Promise<void>;
  /** Starts with a client. What `start` would throw of the program is the output, as with Docker; only what was wrong before is thrown. */
  attach(id: string, options: ExecStartOptions): Promise<Attachment>;
  /** Does nothing without a terminal. @throws {internal} when the exec was not started */
  resize(id: string, size: ConsoleSize): Promise<void>;
  inspect(id: string): Promise<ExecInspection>;
}
