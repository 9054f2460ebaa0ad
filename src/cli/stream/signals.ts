import type { Session } from "../core/session.ts";
import { containerPath } from "./forEach.ts";

/** What a process may get and handle; not CHLD, PIPE and URG, which are the client's own business. */
const PROXIED: readonly NodeJS.Signals[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTRAP",
  "SIGABRT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
];

/** Sends signals that we get on to the container, in their order; answers how to stop. */
export function proxySignals(session: Session, id: string): () => void {
  let last: Promise<unknown> = Promise.resolve();
  const handler = (signal: NodeJS.Signals): void => {
    const query = { signal: signal.replace(/^SIG/, "") };
    last = last
      .then(() => session.client.text({ method: "POST", path: containerPath(id, "/kill"), query }))
      // It may have ended before the signal came.
      .catch(() => undefined);
  };
  for (const signal of PROXIED) process.on(signal, handler);
  return () => {
    for (const signal of PROXIED) process.off(signal, handler);
  };
}
