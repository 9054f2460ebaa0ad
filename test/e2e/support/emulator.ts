import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

const BINFMT = "/proc/sys/fs/binfmt_misc";
/** First bytes of an ELF file of the machine, and which bits of them count. */
const MAGIC =
  "\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:" +
  "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff";

/**
 * QEMU runs programs of the machine from now on, until it is disposed; by an entry of its own, which is the kernel's and
 * so seen by all of this machine. undefined: there is no emulator, or the kernel has no binfmt_misc.
 */
export function registerEmulator(machine: "aarch64"): Disposable | undefined {
  const program = `/usr/bin/qemu-${machine}-static`;
  if (!existsSync(program)) return undefined;
  const isMounted = existsSync(`${BINFMT}/register`);
  try {
    if (!isMounted) execFileSync("mount", ["-t", "binfmt_misc", "binfmt_misc", BINFMT], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  const entry = `${BINFMT}/qemu-${machine}`;
  const isOurs = !existsSync(entry);
  // F: opened now, so that it works in roots that do not have it.
  if (isOurs) writeFileSync(`${BINFMT}/register`, `:qemu-${machine}:M::${MAGIC}:${program}:F`);
  return {
    [Symbol.dispose]: () => {
      if (isOurs) writeFileSync(entry, "-1");
      if (!isMounted) execFileSync("umount", ["-l", BINFMT]);
    },
  };
}

const CODE_OFFSET = 120;
const BASE = 0x40_00_00;

/** A static program for arm64 that writes a text and ends: no file of a foreign system is needed to try one. */
export function foreignProgram(text: string): Uint8Array {
  // mov x0,#1; adr x1,text; mov x2,#length; mov x8,#64 (write); svc #0; mov x0,#0; mov x8,#93 (exit); svc #0
  const length = Buffer.byteLength(text);
  const words = [
    0xd2_80_00_20,
    0x10_00_00_00 | (((8 * 4 - 4) >> 2) << 5) | 1,
    0xd2_80_00_02 | (length << 5),
    0xd2_80_08_08,
    0xd4_00_00_01,
    0xd2_80_00_00,
    0xd2_80_0b_a8,
    0xd4_00_00_01,
  ];
  const code = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) code.writeUInt32LE(word >>> 0, index * 4);
  const body = Buffer.concat([code, Buffer.from(text)]);
  const head = Buffer.alloc(CODE_OFFSET);
  head.write("\x7fELF\x02\x01\x01", 0, "latin1");
  head.writeUInt16LE(2, 16); // an executable
  head.writeUInt16LE(183, 18); // AArch64
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BigInt(BASE + CODE_OFFSET), 24); // entry
  head.writeBigUInt64LE(64n, 32); // program headers
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56);
  head.writeUInt32LE(1, 64); // PT_LOAD
  head.writeUInt32LE(5, 68); // read, execute
  head.writeBigUInt64LE(0n, 72);
  head.writeBigUInt64LE(BigInt(BASE), 80);
  head.writeBigUInt64LE(BigInt(BASE), 88);
  head.writeBigUInt64LE(BigInt(CODE_OFFSET + body.length), 96);
  head.writeBigUInt64LE(BigInt(CODE_OFFSET + body.length), 104);
  head.writeBigUInt64LE(0x1_00_00n, 112);
  return Buffer.concat([head, body]);
}
