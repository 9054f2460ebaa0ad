import { closeSync, writeSync } from "node:fs";
import { MEMFD } from "./constants.ts";
import { cPath } from "./cPath.ts";
import { nativeFunction } from "./libc.ts";
import { checked } from "./syscallError.ts";

/**
 * arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h: what a program can call, on x86_64 and
 * aarch64.
 */
const NUMBERS = {
  capset: [126, 91],
  chdir: [80, 49],
  clone: [56, 220],
  clone3: [435, 435],
  close: [3, 57],
  close_range: [436, 436],
  execve: [59, 221],
  exit_group: [231, 94],
  faccessat: [269, 48],
  fchown: [93, 55],
  fcntl: [72, 25],
  ioctl: [16, 29],
  keyctl: [250, 219],
  openat: [257, 56],
  prctl: [157, 167],
  prlimit64: [302, 261],
  read: [0, 63],
  seccomp: [317, 277],
  setgroups: [116, 159],
  setns: [308, 268],
  setresgid: [119, 149],
  setresuid: [117, 147],
  setsid: [112, 157],
  umask: [95, 166],
  write: [1, 64],
} as const;

type CallName = keyof typeof NUMBERS;

/** A place among a program's data: becomes an address when the program is made. */
export interface Place {
  readonly offset: number;
}

type Argument = number | Place;

/** What becomes of a call that fails; absent: the program reports it and ends. */
interface StepOptions {
  /** Any failure is passed over. */
  readonly optional?: boolean;
  /** ENOENT and ENOTDIR lead on behind so many more steps. */
  readonly skipWhenMissing?: number;
}

/** By fd: where a program reports, see {@link SyscallProgram}. */
export const REPORT_FD = 4;
/** Of one report: address of the step, then its result, or what the program itself writes. */
export const REPORT_BYTES = 16;

const BASE = 0x400000;
/** Behind the code, on a page of its own for every page size that Linux has. */
const DATA = 0x10000;
const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const SEGMENTS = 3;
const CODE = HEADER_BYTES + SEGMENTS * SEGMENT_BYTES;
const STEP_BYTES = 64;
/** Room for as many; what they point to stands behind it. */
const MAX_STEPS = 320;
const TABLE_BYTES = MAX_STEPS * STEP_BYTES;
const OPTIONAL = 1;

/**
 * The interpreter, which is all of the program's code. For each step: load the call's number and six arguments, call; on
 * -4095…-1 go on (optional), jump (missing), or write the step's address and the result to fd 4 and exit with 1; on more
 * than 0 jump if the step says where. `tools/syscallProgram` has it in assembly.
 */
const CODES: Readonly<Record<string, { readonly machine: number; readonly code: Buffer }>> = {
  x64: {
    machine: 62,
    code: Buffer.from(
      "488d1d11ff00008b03488b7b08488b7310488b53184c8b53204c8b43284c8b4b300f05483d01f0ffff73174885c0740c" +
        "8b4b3c85c974054801cbebcb4883c340ebc5f643040175f48b4b3885c9740f83f8fe740583f8ec75054801cbeba95053" +
        "4889e6ba10000000bf04000000b8010000000f05bf01000000b8e70000000f05f4",
      "hex",
    ),
  },
  arm64: {
    machine: 183,
    code: Buffer.from(
      "d3f80710680240b9608640a9628e41a9649642a9010000d41ffc3fb102010054a00000b4693e40b9690000347302098b" +
        "f5ffff1773020191f3ffff17690640b9a9ff0737693a40b9e90000341f0800b1600000541f5000b1610000547302098b" +
        "e9ffff17f303bfa9e1030091020280d2800080d2080880d2010000d4200080d2c80b80d2010000d4000020d4",
      "hex",
    ),
  },
};

const memfdCreate = nativeFunction<[Buffer, number]>("int memfd_create(const void*, uint32_t)");
const fcntl = nativeFunction<[number, number, number]>("int fcntl(int, int, int)");

/** elf.h: Elf64_Ehdr of an executable, and its three segments: code, data, and a stack that is not code. */
function elfHeader(machine: number, codeBytes: number, dataBytes: number): Buffer {
  const header = Buffer.alloc(CODE);
  header.write("\x7fELF\x02\x01\x01", 0, "latin1");
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + CODE), 24); // entry
  header.writeBigUInt64LE(BigInt(HEADER_BYTES), 32); // segments' headers
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(SEGMENT_BYTES, 54);
  header.writeUInt16LE(SEGMENTS, 56);
  const segment = (index: number, [type, flags, offset, bytes]: readonly [number, number, number, number]): void => {
    const at = HEADER_BYTES + index * SEGMENT_BYTES;
    header.writeUInt32LE(type, at);
    header.writeUInt32LE(flags, at + 4);
    header.writeBigUInt64LE(BigInt(offset), at + 8);
    header.writeBigUInt64LE(BigInt(BASE + offset), at + 16);
    header.writeBigUInt64LE(BigInt(BASE + offset), at + 24);
    header.writeBigUInt64LE(BigInt(bytes), at + 32);
    header.writeBigUInt64LE(BigInt(bytes), at + 40);
    header.writeBigUInt64LE(BigInt(DATA), at + 48);
  };
  segment(0, [1, 5, 0, CODE + codeBytes]); // PT_LOAD, read and execute
  segment(1, [1, 6, DATA, dataBytes]); // PT_LOAD, read and write
  segment(2, [0x6474e551, 6, 0, 0]); // PT_GNU_STACK
  return header;
}

/**
 * A program that is a list of system calls, made for one run: an ELF file of a few pages without libraries, whose code is an
 * interpreter of 130 bytes. It does between fork and exec what this process cannot: it has many threads, and what it were
 * to share with a child in foreign namespaces, even for a moment, would be too much.
 *
 * A call that fails ends it, with one report of {@link REPORT_BYTES} to {@link REPORT_FD}. Calls are made in order; `fork`
 * splits it. The fd that a call opens is the lowest free one, known to who writes the list.
 */
export class SyscallProgram {
  readonly #table: Buffer;
  /** Steps so far, and from where on the end of the table is taken by those of processes that end. */
  #steps = 0;
  #end = MAX_STEPS;
  readonly #data: Buffer[];
  #dataBytes = 0;

  /** An empty one, or one that begins as another does, which is not changed. */
  constructor(beginning?: SyscallProgram) {
    this.#table = beginning === undefined ? Buffer.alloc(TABLE_BYTES) : Buffer.from(beginning.#table);
    this.#data = beginning === undefined ? [] : [...beginning.#data];
    if (beginning === undefined) return;
    this.#steps = beginning.#steps;
    this.#end = beginning.#end;
    this.#dataBytes = beginning.#dataBytes;
  }

  bytes(bytes: Buffer): Place {
    const place = { offset: this.#dataBytes };
    const padded = Buffer.alloc(Math.ceil(bytes.byteLength / 8) * 8);
    padded.set(bytes);
    this.#data.push(padded);
    this.#dataBytes += padded.byteLength;
    return place;
  }

  /** A C string. */
  text(text: string): Place {
    return this.bytes(cPath(text));
  }

  /** A structure with pointers in it, by their offsets. */
  struct(bytes: Buffer, pointers: ReadonlyMap<number, Place>): Place {
    const whole = Buffer.from(bytes);
    for (const [at, target] of pointers) writeWord(whole, at, addressOf(target));
    return this.bytes(whole);
  }

  /** A NULL-terminated array of C strings. */
  texts(texts: readonly string[]): Place {
    const places = texts.map((text) => this.text(text));
    return this.struct(
      Buffer.alloc((places.length + 1) * 8),
      new Map(places.map((place, index) => [index * 8, place])),
    );
  }

  call(name: CallName, args: readonly Argument[], options: StepOptions = {}): void {
    this.#write(this.#steps, name, args, options);
    this.#steps += 1;
  }

  /** The new process goes on with the next step; this one makes the calls of `last`, which end it. */
  fork(
    name: "clone" | "clone3",
    args: readonly Argument[],
    last: readonly (readonly [CallName, readonly Argument[]])[],
  ): void {
    this.#end -= last.length;
    for (const [index, [call, callArgs]] of last.entries()) this.#write(this.#end + index, call, callArgs, {});
    this.#jumpWhenPositive(this.#end);
    this.call(name, args);
  }

  /** Waits until a byte comes from `fd`; ends the program when it is closed instead. */
  waitFor(fd: number): void {
    this.#jumpWhenPositive(this.#steps + 2);
    this.call("read", [fd, this.bytes(Buffer.alloc(1)), 1]);
    this.call("exit_group", [0]);
  }

  /** The program as a sealed file in memory, close-on-exec. The caller closes it. */
  open(): number {
    const made = CODES[process.arch];
    if (made === undefined) throw new Error(`no code for ${process.arch}`);
    const image = Buffer.concat([this.#table, ...this.#data]);
    const header = Buffer.concat([elfHeader(made.machine, made.code.byteLength, image.byteLength), made.code]);
    const fd = checked("memfd_create", "exec", memfdCreate.call(cPath("exec"), MEMFD.CLOEXEC | MEMFD.ALLOW_SEALING));
    try {
      writeSync(fd, header, 0, header.byteLength, 0);
      writeSync(fd, image, 0, image.byteLength, DATA);
      checked("fcntl F_ADD_SEALS", "exec", fcntl.call(fd, MEMFD.F_ADD_SEALS, MEMFD.ALL_SEALS));
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Of the step that comes next. */
  #jumpWhenPositive(target: number): void {
    this.#table.writeUInt32LE((target - this.#steps) * STEP_BYTES, this.#steps * STEP_BYTES + 60);
  }

  #write(index: number, name: CallName, args: readonly Argument[], options: StepOptions): void {
    if (index >= MAX_STEPS || this.#steps >= this.#end) throw new Error(`a program has at most ${MAX_STEPS} steps`);
    const at = index * STEP_BYTES;
    const [x64, arm64] = NUMBERS[name];
    const { optional = false, skipWhenMissing } = options;
    this.#table.writeUInt32LE(process.arch === "arm64" ? arm64 : x64, at);
    if (optional) this.#table.writeUInt32LE(OPTIONAL, at + 4);
    for (const [position, argument] of args.entries())
      writeWord(this.#table, at + 8 + position * 8, typeof argument === "object" ? addressOf(argument) : argument);
    if (skipWhenMissing !== undefined) this.#table.writeUInt32LE((skipWhenMissing + 1) * STEP_BYTES, at + 56);
  }
}

const addressOf = ({ offset }: Place): number => BASE + DATA + TABLE_BYTES + offset;

/** A 64-bit integer in two's complement. */
function writeWord(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32LE(value | 0, at);
  bytes.writeInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** Which step a report is about, counted from 0, and the errno of its failure; undefined when the program wrote it itself. */
export function parseFailure(report: Buffer): { readonly step: number; readonly errno: number } | undefined {
  const offset = Number(report.readBigUInt64LE(0)) - BASE - DATA;
  if (offset < 0) return undefined;
  return { step: offset / STEP_BYTES, errno: -Number(report.readBigInt64LE(8)) };
}
