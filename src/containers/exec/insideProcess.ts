import { closeSync } from "node:fs";
import { openTerminal, prepareInside, resizeTerminal, terminalStream } from "#host";
import type { InsideCall, PreparedInside } from "#host";
import type { ExecCall, ExecProcess } from "./execProcess.ts";
import type { ConsoleSize } from "./execService.ts";
import { childEnds, closeChildEnds, closePipes, openPipes, ourEnds } from "./streamPipes.ts";
import { StreamProcess } from "./streamProcess.ts";
import type { ProcessStreams } from "./streamProcess.ts";

/** Streams and a process that waits to be let go, made by the host without a runtime. */
export interface WaitingProcess extends Disposable {
  /** Once; undefined: it cannot be, and a runtime should try, which has words for why. */
  start(size: ConsoleSize | undefined): Promise<ExecProcess | undefined>;
  /** Nothing is left of it, unless it was started. */
  [Symbol.dispose](): void;
}

/** What a process gets, what we keep of it, and how both go away. */
interface Ends {
  readonly fds: InsideCall["fds"];
  readonly terminal?: number;
  /** Once the process has its own. */
  handOver(): void;
  streams(): ProcessStreams;
  /** Instead of `streams`, after `handOver`. */
  drop(): void;
  /** Instead of both. */
  close(): void;
}

function pipeEnds(stdin: boolean): Ends {
  const pipes = openPipes(stdin);
  return {
    fds: childEnds(pipes),
    handOver: () => closeChildEnds(pipes),
    streams: () => ourEnds(pipes),
    drop: () => {
      for (const fd of [pipes.stdin?.writeEnd, pipes.stdout.readEnd, pipes.stderr.readEnd])
        if (fd !== undefined) closeSync(fd);
    },
    close: () => closePipes(pipes),
  };
}

function terminalEnds(target: InsideCall["target"], stdin: boolean): Ends {
  const { master, slave } = openTerminal(target);
  return {
    fds: [slave, slave, slave],
    terminal: master,
    handOver: () => closeSync(slave),
    streams: () => {
      const stream = terminalStream(master);
      return { input: stdin ? stream : undefined, outputs: [["stdout", stream]], terminal: master };
    },
    drop: () => closeSync(master),
    close: () => {
      closeSync(master);
      closeSync(slave);
    },
  };
}

/** For nobody who reads. */
const NO_ENDS: Ends = {
  fds: ["ignore", "ignore", "ignore"],
  handOver: () => undefined,
  streams: () => ({ input: undefined, outputs: [] }),
  drop: () => undefined,
  close: () => undefined,
};

/**
 * Prepares a process: all that can be done before a client says that it should run. Undefined when this one is a runtime's
 * affair. A terminal without a client is: its master must not be lost with this daemon.
 */
export function prepareProcess({ inside, foreground, stdin }: ExecCall): WaitingProcess | undefined {
  if (inside === undefined || (inside.terminal === true && !foreground)) return undefined;
  const ends = openEnds(inside, { foreground, stdin });
  if (ends === undefined) return undefined;
  const waiting = prepareInside({ ...inside, fds: ends.fds });
  if (waiting === undefined) {
    ends.close();
    return undefined;
  }
  ends.handOver();
  return waitingProcess(waiting, ends);
}

function openEnds(
  inside: Omit<InsideCall, "fds">,
  { foreground, stdin }: { readonly foreground: boolean; readonly stdin: boolean },
): Ends | undefined {
  if (!foreground) return NO_ENDS;
  if (inside.terminal !== true) return pipeEnds(stdin);
  try {
    return terminalEnds(inside.target, stdin);
  } catch {
    return undefined; // a container without terminals: the runtime says so
  }
}

function waitingProcess(waiting: PreparedInside, ends: Ends): WaitingProcess {
  let isOver = false;
  return {
    start: async (size) => {
      isOver = true;
      if (ends.terminal !== undefined && size !== undefined) resizeTerminal(ends.terminal, size);
      const child = await waiting.start();
      if (child !== undefined) return new StreamProcess({ ended: child.ended, pid: () => child.pid }, ends.streams());
      ends.drop();
      return undefined;
    },
    [Symbol.dispose]: () => {
      if (isOver) return;
      isOver = true;
      waiting[Symbol.dispose]();
      ends.drop();
    },
  };
}
