type Log = (level: "error", line: string) => void;

function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** One request's mistake that nobody caught is logged with its stack: other containers' daemon lives on, as dockerd does. */
export function surviveErrors(log: Log): void {
  for (const event of ["unhandledRejection", "uncaughtException"] as const) {
    process.on(event, (error: unknown) => log("error", `${event}: ${told(error)}`));
  }
}
