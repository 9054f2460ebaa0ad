import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { EngineError, ErrorCode } from "#errors";
import type { Fields } from "./fields.ts";

/** What of the machine's processors a request may ask for. */
export interface Processors {
  readonly count: number;
  /** As the kernel lists them, e.g. `0-3,6`. */
  readonly online: string;
  /** Memory nodes, in the same form. */
  readonly nodes: string;
}

const NANOS_PER_CPU = 1e9;
const LIST = /^\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*$/;
/** Above any kernel's NR_CPUS: a range must not become a list without end. */
const MAX_CPU = 8192;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

function readNodes(): string {
  try {
    return readFileSync("/sys/devices/system/node/online", "utf8").trim();
  } catch {
    return "0"; // a kernel without NUMA
  }
}

/** The processors of this machine. */
export function readProcessors(): Processors {
  return {
    count: availableParallelism(),
    online: readFileSync("/sys/devices/system/cpu/online", "utf8").trim(),
    nodes: readNodes(),
  };
}

/** `0-2,4` → 0, 1, 2, 4; undefined when it is no such list. */
function parseList(text: string): ReadonlySet<number> | undefined {
  if (!LIST.test(text)) return undefined;
  const numbers = new Set<number>();
  for (const part of text.split(",")) {
    const [first = 0, last = first] = part.split("-").map(Number);
    if (first > last || last > MAX_CPU) return undefined;
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return numbers;
}

/** @throws {invalid_argument} in Docker's words for what is no list, or not there */
function checkList(text: string, available: string, what: { readonly kind: string; readonly things: string }): void {
  if (text === "") return;
  const wanted = parseList(text);
  if (wanted === undefined) throw invalid(`Invalid value ${text} for cpuset ${what.kind}: invalid format: ${text}`);
  const present = parseList(available);
  if (present === undefined || wanted.isSubsetOf(present)) return;
  throw invalid(`Requested ${what.things} are not available - requested ${text}, available: ${available}`);
}

/** `NanoCpus` and the cpuset within what the machine has. @throws {invalid_argument} in Docker's words */
export function parseProcessors(
  fields: Fields,
  { count, online, nodes }: Processors,
): { readonly NanoCpus: number; readonly CpusetCpus: string; readonly CpusetMems: string } {
  const [NanoCpus, CpusetCpus, CpusetMems] = [
    fields.integer("NanoCpus"),
    fields.text("CpusetCpus"),
    fields.text("CpusetMems"),
  ];
  if (NanoCpus < 0 || NanoCpus > count * NANOS_PER_CPU) {
    throw invalid(`Range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`);
  }
  checkList(CpusetCpus, online, { kind: "cpus", things: "CPUs" });
  checkList(CpusetMems, nodes, { kind: "mems", things: "memory nodes" });
  return { NanoCpus, CpusetCpus, CpusetMems };
}
