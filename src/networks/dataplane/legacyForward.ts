/**
 * The same for rules of the kernel's older packet filter, which only its own program can read and write (`iptables-legacy`).
 * It runs beside: a start does not wait for it.
 */
import { readFileSync } from "node:fs";
import { messageOf } from "#errors";
import { findProgram, runProgram } from "#host";

/** The tables that there are, and the program that changes them. */
const FAMILIES = [
  { tables: "/proc/net/ip_tables_names", program: "iptables-legacy" },
  { tables: "/proc/net/ip6_tables_names", program: "ip6tables-legacy" },
] as const;

/** Chains that administrators filter in: ours come behind. */
const BEHIND = /^-A FORWARD -j (?:DOCKER-USER|DOCKER-ISOLATION-STAGE-1)$/;
const AGAIN_MS = 30_000;
const DIRECTIONS = ["-i", "-o"] as const;

const ruleOf = (direction: (typeof DIRECTIONS)[number], bridge: string): readonly string[] => [
  direction,
  bridge,
  "-j",
  "ACCEPT",
];

/** `iptables -S FORWARD` → the commands that let bridges through; none where the policy lets everything through. */
export function legacyAccepts(listing: string, bridges: readonly string[]): readonly (readonly string[])[] {
  const lines = listing.split("\n");
  if (!lines.includes("-P FORWARD DROP")) return [];
  const rules = lines.filter((line) => line.startsWith("-A FORWARD "));
  const place = String(rules.findLastIndex((line) => BEHIND.test(line)) + 2);
  return bridges
    .flatMap((bridge) => DIRECTIONS.map((direction) => ruleOf(direction, bridge)))
    .filter((rule) => !rules.includes(`-A FORWARD ${rule.join(" ")}`))
    .map((rule) => ["-I", "FORWARD", place, ...rule]);
}

/** The commands that take a bridge's rules away. */
export function legacyWithdrawals(listing: string, bridge: string): readonly (readonly string[])[] {
  return DIRECTIONS.map((direction) => ruleOf(direction, bridge))
    .filter((rule) => listing.split("\n").includes(`-A FORWARD ${rule.join(" ")}`))
    .map((rule) => ["-D", "FORWARD", ...rule]);
}

function hasFilter(tables: string): boolean {
  try {
    return readFileSync(tables, "utf8").split("\n").includes("filter");
  } catch {
    return false; // a kernel without the older filter
  }
}

/** One change after the other, in the order in which they were asked for. */
export class LegacyForward {
  readonly #log: (level: "warn", line: string) => void;
  #asked = "";
  #askedAt = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(log: (level: "warn", line: string) => void) {
    this.#log = log;
  }

  /** Looks again at once for other bridges, and else now and then: it is a program's run. */
  accept(bridges: readonly string[]): void {
    const asked = bridges.join(" ");
    if (asked === this.#asked && performance.now() - this.#askedAt < AGAIN_MS) return;
    this.#asked = asked;
    this.#askedAt = performance.now();
    this.#change((listing) => legacyAccepts(listing, bridges));
  }

  withdraw(bridge: string): void {
    this.#change((listing) => legacyWithdrawals(listing, bridge));
  }

  #change(commands: (listing: string) => readonly (readonly string[])[]): void {
    for (const { tables, program } of FAMILIES) {
      const file = hasFilter(tables) ? findProgram(program) : undefined;
      if (file === undefined) continue;
      this.#last = this.#last
        .then(async () => {
          const { stdout } = await runProgram({ file, args: ["-w", "-S", "FORWARD"] });
          for (const command of commands(stdout.toString())) {
            const { code, stderr } = await runProgram({ file, args: ["-w", ...command] });
            if (code !== 0) this.#log("warn", `networks: ${program}: ${stderr.toString().trim()}`);
          }
        })
        .catch((error: unknown) => this.#log("warn", `networks: ${program}: ${messageOf(error)}`));
    }
  }
}
