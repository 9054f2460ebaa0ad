const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Resolves with the first stop signal; a third one ends the process at once, as dockerd does. */
export function untilSignal(): Promise<string> {
  process.on("SIGHUP", () => undefined);
  return new Promise((resolve) => {
    let count = 0;
    for (const name of STOP_SIGNALS) {
      process.on(name, () => {
        count += 1;
        if (count >= 3) process.exit(130);
        resolve(name);
      });
    }
  });
}
