import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";
import { addressOf, functionAt, nativeFunction } from "./libc.ts";
import type { PointedFunction } from "./libc.ts";
import { checked } from "./syscallError.ts";

/**
 * The interpreter, position-independent, `run(first, end)` in C's convention. For each call of the list: load target and six
 * arguments (the first may be the result that was saved last); below 4096 the target is a system call, else a function's
 * address; keep the result, which is -errno when a system call failed; then skip what the call says to skip on failure.
 * `tools/callList` has it in assembly.
 */
const CODES: Readonly<Record<string, Buffer>> = {
  x64: Buffer.from(
    "53415441554889fb4989f44c39e37356488b7b08f643400174034c89ef488b7310488b53184c8b53204c8b43284c8b4b30488b03483d001000007304" +
      "0f05eb054c89d1ffd048894338f643400274034989c5483d01f0ffff72068b4b444801cb4883c348eba5415d415c5bc3",
    "hex",
  ),
  arm64: Buffer.from(
    "fd7bbda9fd030091f35301a9f51300f9f30300aaf40301aa7f0214ebc2020054680240a9694240b949000036e00315aa610a41a9631242a9651a40f9" +
      "1f0540f162000054010000d40200001400013fd6601e00f9692a482949000836f50300aa1ffc3fb14300005473020a8b73220191eaffff17f51340f9" +
      "f35341a9fd7bc3a8c0035fd6",
    "hex",
  ),
};

/** As {@link CODES} reads it: u64 target, u64 arguments[6], s64 result, u32 flags, u32 bytes to skip. */
const CALL_BYTES = 72;
const CALL_WORDS: number = CALL_BYTES / 4;
const RESULT = 14;
const FLAGS = 16;
const SKIP = 17;
const USES_SAVED = 1;
const SAVES = 2;
const HIGH = 2 ** 32;

/** mman.h, the same on x86_64 and aarch64. */
const PAGE_BYTES = 4096;
const PROT = { READ: 1, WRITE: 2, EXEC: 4 };
const MAP_PRIVATE_ANONYMOUS = 0x22;

const mmap = nativeFunction<[number, number, number, number, number, number]>(
  "intptr_t mmap(uintptr_t, uint64_t, int, int, int, int64_t)",
);
const mprotect = nativeFunction<[number, number, number]>("int mprotect(uintptr_t, uint64_t, int)");
const memcpy = nativeFunction<[number, Uint8Array, number]>("uintptr_t memcpy(uintptr_t, const void*, uint64_t)");

const SHARED_KEY = "varve.callList";
let run: PointedFunction | undefined;

function interpreter(): PointedFunction {
  if (run !== undefined) return run;
  const shared: unknown = getEnvironmentData(SHARED_KEY);
  run = functionAt(typeof shared === "number" ? shared : mapCode(), "int64_t callList(uintptr_t, uintptr_t)");
  return run;
}

function mapCode(): number {
  const code = CODES[process.arch];
  if (code === undefined) throw new Error(`no code for ${process.arch}`);
  const at = checked("mmap", undefined, mmap.call(0, PAGE_BYTES, PROT.READ | PROT.WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
  memcpy.call(at, code, code.length);
  // Never writable and executable at a time.
  checked("mprotect", undefined, mprotect.call(at, PAGE_BYTES, PROT.READ | PROT.EXEC));
  return at;
}

/** Lets workers that start from now on use this thread's page of code: one of their own would outlive each. */
export function shareCallLists(): void {
  if (typeof getEnvironmentData(SHARED_KEY) !== "number") setEnvironmentData(SHARED_KEY, mapCode());
}

/** One call of the pattern that a list repeats. */
export interface RepeatedCall {
  /** Number of a system call, or address of a function. */
  readonly target: number;
  readonly args: readonly number[];
  /** The first argument is the result of the last call that saves it. */
  readonly usesSaved?: true;
  readonly saves?: true;
  /** How many calls are skipped when this one fails. */
  readonly skips?: number;
}

/**
 * Some calls of C, over and over with other arguments, for the price of one from JavaScript: what is a microsecond each
 * is more than what the kernel does. The pattern is laid down once; before a run only what differs is set.
 */
export class CallList {
  /** Repetitions that fit. */
  readonly capacity: number;
  readonly #words: Uint32Array<ArrayBuffer>;
  readonly #address: number;
  readonly #length: number;

  constructor(capacity: number, pattern: readonly RepeatedCall[]) {
    this.capacity = capacity;
    this.#length = pattern.length;
    const bytes = Buffer.alloc(capacity * pattern.length * CALL_BYTES);
    this.#address = addressOf(bytes);
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    for (let at = 0; at < capacity; at += 1) {
      for (const [index, call] of pattern.entries()) this.#lay(at, index, call);
    }
  }

  #lay(at: number, index: number, { target, args, usesSaved, saves, skips = 0 }: RepeatedCall): void {
    const start = (at * this.#length + index) * CALL_WORDS;
    this.#write(start, target);
    for (const [position, value] of args.entries()) this.#write(start + 2 + 2 * position, value);
    this.#words[start + FLAGS] = (usesSaved === true ? USES_SAVED : 0) | (saves === true ? SAVES : 0);
    this.#words[start + SKIP] = skips * CALL_BYTES;
  }

  /** Sets argument `position` of call `index` of a repetition. */
  set(at: number, index: number, position: number, value: number): void {
    this.#write((at * this.#length + index) * CALL_WORDS + 2 + 2 * position, value);
  }

  /** What call `index` of a repetition answered in the last run; -errno for a system call that failed. */
  result(at: number, index: number): number {
    const start = (at * this.#length + index) * CALL_WORDS + RESULT;
    return ((this.#words[start + 1] ?? 0) | 0) * HIGH + (this.#words[start] ?? 0);
  }

  /** Makes the calls of the first `count` repetitions on this thread. */
  run(count: number): void {
    interpreter().call(this.#address, this.#end(count));
  }

  /** The same on libuv's pool. Nothing the list points to may be touched meanwhile. */
  runAsync(count: number): Promise<void> {
    return interpreter().callAsync(this.#address, this.#end(count));
  }

  #end(count: number): number {
    return this.#address + count * this.#length * CALL_BYTES;
  }

  /** A 64-bit integer in two's complement. */
  #write(word: number, value: number): void {
    this.#words[word] = value;
    this.#words[word + 1] = Math.floor(value / HIGH);
  }
}
