import { quickSpawn, warmCgroups } from "#host";
import type { QuickChild } from "#host";
import { RUNTIME_ENVIRONMENT } from "../runtime/monitor.ts";
import { lastLogged } from "../runtime/runtimeError.ts";
import { runtimeArguments } from "./execProcess.ts";
import type { ExecCall, ExecFiles, ExecProcess } from "./execProcess.ts";
import { childEnds, closeChildEnds, closePipes, openPipes, ourEnds } from "./streamPipes.ts";
import type { Pipes } from "./streamPipes.ts";
import { StreamProcess } from "./streamProcess.ts";
import type { Starter } from "./streamProcess.ts";

/** How long the first bytes of stderr wait for the runtime's own word. */
const COMPLAINT_MS = 20;
/** So long where a refusal is likely: the host has tried and failed. A busy machine lets a runtime wait in the midst of it. */
const LIKELY_COMPLAINT_MS = 500;

/** A runtime to start that waits for the process which it starts. */
export interface PipedCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly stdin: boolean;
  /** Where the runtime writes its log and the process's number. */
  readonly files: ExecFiles;
}

/** Starts a process with pipes by the runtime. That it refuses is told by `outcome`. */
export function startPiped(call: ExecCall): ExecProcess {
  const { files, runtime, containerId, stdin, inside, process } = call;
  void warmCgroups();
  files.write(process);
  const own = ["exec", "--process", files.process, "--pid-file", files.pid, containerId];
  const complaintMs = inside === undefined ? COMPLAINT_MS : LIKELY_COMPLAINT_MS;
  const args = [...runtimeArguments(call), ...own];
  return startRuntime({ file: runtime.file, args, files, complaintMs }, openPipes(stdin));
}

/** Starts a runtime that waits for the process which it starts, with pipes. */
export function startWithPipes(call: PipedCall): ExecProcess {
  return startRuntime({ ...call, complaintMs: COMPLAINT_MS }, openPipes(call.stdin));
}

type RuntimeCall = Omit<PipedCall, "stdin"> & Pick<Required<Starter>, "complaintMs">;

function startRuntime({ file, args, files, complaintMs }: RuntimeCall, pipes: Pipes): ExecProcess {
  let child: QuickChild;
  try {
    child = quickSpawn({ file, args, env: RUNTIME_ENVIRONMENT, fds: childEnds(pipes) });
  } catch (error) {
    closePipes(pipes);
    throw error;
  }
  closeChildEnds(pipes);
  const complaint = (): string | undefined => lastLogged(files.log);
  return new StreamProcess({ ended: child.ended, pid: () => files.readPid(), complaint, complaintMs }, ourEnds(pipes));
}
