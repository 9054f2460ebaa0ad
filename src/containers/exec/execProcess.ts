import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { InsideCall } from "#host";
import type { OutputFrame } from "../containerService.ts";
import type { Runtime } from "../runtime/chooseRuntime.ts";
import type { OciProcess } from "../spec/ociSpec.ts";
import type { ConsoleSize } from "./execService.ts";

/** What a runtime needs to start one more process in a container. */
export interface ExecCall {
  readonly containerId: string;
  readonly runtime: Runtime;
  /** `--root` of the runtime. */
  readonly stateRoot: string;
  readonly files: ExecFiles;
  readonly process: OciProcess;
  readonly stdin: boolean;
  /** How the host starts it without the runtime; absent: it cannot. */
  readonly inside?: Omit<InsideCall, "fds">;
  /** False: nobody reads, and the process outlives this daemon. */
  readonly foreground: boolean;
}

/** The process as the runtime ended it, or why it never was. */
export type ExecOutcome = { readonly code: number } | { readonly refused: string };

/** A process under way, with its streams. */
export interface ExecProcess {
  /** In the host's namespace; 0 when it is not known (yet). */
  pid(): number;
  /** What it writes, until it and its output have ended; one reader. */
  readonly output: AsyncIterable<OutputFrame>;
  /** Told before `output` ends. */
  readonly outcome: Promise<ExecOutcome>;
  /** Nobody reads any more: what it writes is dropped, and it never waits for a reader. */
  discard(): void;
  /** Resolves when the bytes are taken, or the process is gone. */
  write(bytes: Uint8Array): Promise<void>;
  endInput(): void;
  resize(size: ConsoleSize): void;
}

/** The files of one exec, in a directory that is removed when it has ended. */
export class ExecFiles {
  readonly directory: string;
  readonly process: string;
  readonly pid: string;
  readonly log: string;
  readonly control: string;
  /** False: there is nothing to remove. */
  isWritten = false;

  constructor(directory: string) {
    this.directory = directory;
    this.process = join(directory, "process.json");
    this.pid = join(directory, "pid");
    this.log = join(directory, "runtime.log");
    this.control = join(directory, "ctl");
  }

  write(process: OciProcess): void {
    this.isWritten = true;
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    writeFileSync(this.process, JSON.stringify(process), { mode: 0o600 });
  }

  readPid(): number {
    return readNumber(this.pid);
  }
}

function readNumber(path: string): number {
  try {
    return Number(readFileSync(path, "latin1"));
  } catch {
    return 0; // who writes it has not come that far, or has ended
  }
}

/** What a runtime is called with before its subcommand. */
export function runtimeArguments({ stateRoot, files }: ExecCall): readonly string[] {
  return [`--root=${stateRoot}`, `--log=${files.log}`, "--log-format=json"];
}
