import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { processStartTime } from "./processes.ts";

/** The kernel's switch, and who of us used it last: where that one was killed before it could turn it back, the next one does. */
export interface HurryFiles {
  readonly turn: string;
  readonly mark: string;
  /** Lists of processors that are to be left alone: the hurry interrupts each of them for some microseconds. */
  readonly quiet: readonly string[];
}

const FILES: HurryFiles = {
  turn: "/sys/kernel/rcu_expedited",
  mark: "/run/varve.rcu_expedited",
  quiet: ["/sys/devices/system/cpu/nohz_full", "/sys/devices/system/cpu/isolated"],
};

/** "" for what the kernel does not have. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}

/** One process's use of the switch. */
export class GracePeriods {
  readonly #files: HurryFiles;
  #isOurs: boolean | undefined;
  #hurries = 0;

  constructor(files: HurryFiles = FILES) {
    this.#files = files;
  }

  hurry(): Disposable {
    this.#isOurs ??= this.#take();
    if (!this.#isOurs) return { [Symbol.dispose]: () => undefined };
    this.#hurries += 1;
    if (this.#hurries === 1) this.#turn("1");
    return {
      [Symbol.dispose]: () => {
        this.#hurries -= 1;
        if (this.#hurries === 0) this.#turn("0");
      },
    };
  }

  /** Whether it is off, but for us, and nobody is harmed. */
  #take(): boolean {
    if (read(this.#files.turn) === "1" && this.#isLeftOn()) this.#turn("0");
    if (this.#isOurs === false || read(this.#files.turn) !== "0") return false;
    if (!this.#files.quiet.every((path) => ["", "(null)"].includes(read(path)))) return false;
    try {
      writeFileSync(this.#files.mark, `${process.pid} ${processStartTime(process.pid)}\n`);
    } catch {
      return false;
    }
    process.once("exit", () => rmSync(this.#files.mark, { force: true }));
    return true;
  }

  /** By one that is no more; one that lives turns it back itself. */
  #isLeftOn(): boolean {
    const [pid = "", startTime] = read(this.#files.mark).split(" ");
    return pid !== "" && String(processStartTime(Number(pid))) !== startTime;
  }

  #turn(value: "0" | "1"): void {
    try {
      writeFileSync(this.#files.turn, value);
    } catch {
      this.#isOurs = false; // a read-only /sys: waits take what they take
    }
  }
}

const ours = new GracePeriods();

/**
 * Lets the kernel hurry through RCU grace periods (as it does by itself for network devices) until it is disposed of:
 * what waits for one, 7 to 21 ms, has waited 0.1 ms then. The whole machine is concerned: hold it for a single call.
 * Without effect where the host hurries anyway, must not (isolated processors), or does not let us. The first call also turns
 * back what a process of ours left on when it was killed.
 */
export function hurryGracePeriods(): Disposable {
  return ours.hurry();
}
