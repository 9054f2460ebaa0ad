import { readFileSync, writeFileSync } from "node:fs";

const SWITCH = "/sys/kernel/rcu_expedited";
/** Processors that are to be left alone: the hurry interrupts each of them for some microseconds. */
const QUIET = ["/sys/devices/system/cpu/nohz_full", "/sys/devices/system/cpu/isolated"];

let isOurs: boolean | undefined;
let hurries = 0;

/** "" for what the kernel does not have. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}

/** Set by nobody else, and nobody is harmed. */
const mayHurry = (): boolean => read(SWITCH) === "0" && QUIET.every((path) => ["", "(null)"].includes(read(path)));

function turn(value: "0" | "1"): void {
  try {
    writeFileSync(SWITCH, value);
  } catch {
    isOurs = false; // a read-only /sys: waits take what they take
  }
}

/**
 * Lets the kernel hurry through RCU grace periods (as it does by itself for network devices) until it is disposed of:
 * what waits for one, 7 to 21 ms, has waited 0.1 ms then. The whole machine is concerned: hold it for a single call.
 * Without effect where the host hurries anyway, must not (isolated processors), or does not let us.
 */
export function hurryGracePeriods(): Disposable {
  isOurs ??= mayHurry();
  if (!isOurs) return { [Symbol.dispose]: () => undefined };
  hurries += 1;
  if (hurries === 1) turn("1");
  return {
    [Symbol.dispose]: () => {
      hurries -= 1;
      if (hurries === 0) turn("0");
    },
  };
}
