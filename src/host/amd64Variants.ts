import { readFileSync } from "node:fs";

const CPUINFO = "/proc/cpuinfo";

/** One flag of each level says that the processor has it all. @see x86-64 psABI 3.1.1 */
const LEVELS: readonly (readonly [variant: string, flags: readonly string[]])[] = [
  ["v2", ["cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"]],
  ["v3", ["avx2", "bmi1", "bmi2", "fma", "movbe", "f16c"]],
  ["v4", ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]],
];

/** Levels of amd64 that a processor has beyond the first, lowest first: `["v2", "v3"]`. `cpuinfo` is the text of /proc/cpuinfo. */
export function amd64Variants(cpuinfo: string): readonly string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.trim().split(/\s+/));
  const missing = LEVELS.findIndex(([, needed]) => !needed.every((flag) => flags.has(flag)));
  return (missing < 0 ? LEVELS : LEVELS.slice(0, missing)).map(([variant]) => variant);
}

/** Of this machine, the highest; undefined for the first level and for another architecture. */
export function hostVariant(): string | undefined {
  if (process.arch !== "x64") return undefined;
  try {
    return amd64Variants(readFileSync(CPUINFO, "utf8")).at(-1);
  } catch {
    // A machine that does not tell: nothing is known beyond the plain architecture.
    return undefined;
  }
}
