import { setTimeout as sleep } from "node:timers/promises";
import { terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";

const RETRIES = 10;
const RETRY_STEP_MS = 10;

/** Rows and columns of our terminal; undefined when stdout is none. */
export function consoleSize(session: Session): readonly [rows: number, columns: number] | undefined {
  const terminal = terminalOf(session.stdout);
  return terminal === undefined ? undefined : [terminal.rows, terminal.columns];
}

/** Where a terminal is resized: `/containers/ID` or `/exec/ID`. */
async function resize(session: Session, path: string, size: readonly [number, number]): Promise<void> {
  const [h, w] = size;
  await session.client.text({ method: "POST", path: `${path}/resize`, query: { h, w } });
}

/** The program may take a moment to be there. */
async function resizeAtFirst(session: Session, path: string, over: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    await sleep(attempt * RETRY_STEP_MS, undefined, { signal: over });
    const size = consoleSize(session);
    if (size === undefined || over.aborted) return;
    try {
      return await resize(session, path, size);
    } catch {
      // Tried again.
    }
  }
  if (!over.aborted) session.warn("failed to resize tty, using default size");
}

/** Keeps the terminal at `path` (`/containers/ID`, `/exec/ID`) at the size of ours; answers how to stop. */
export function followSize(session: Session, path: string): () => void {
  const terminal = terminalOf(session.stdout);
  if (terminal === undefined) return () => undefined;
  const over = new AbortController();
  const follow = (): void => {
    const size = consoleSize(session);
    // A program that has just ended cannot be resized, and need not be.
    if (size !== undefined && !over.signal.aborted) resize(session, path, size).catch(() => undefined);
  };
  terminal.on("resize", follow);
  // Aborted when it is over.
  void resizeAtFirst(session, path, over.signal).catch(() => undefined);
  return () => {
    over.abort();
    terminal.off("resize", follow);
  };
}

/** A program that draws its screen does so again when the size changes: once larger, then {@link followSize}. */
export async function nudgeSize(session: Session, path: string): Promise<void> {
  const size = consoleSize(session);
  if (size === undefined) return;
  await resize(session, path, [size[0] + 1, size[1] + 1]).catch(() => undefined);
}
