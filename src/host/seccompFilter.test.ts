import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSeccomp } from "./seccompFilter.ts";
import type { SeccompProfile } from "./seccompFilter.ts";

const FILTER_BYTES = 8;
const RETURN = 0x06;

function returns(program: Buffer): ReadonlySet<number> {
  const values = new Set<number>();
  for (let at = 0; at < program.length; at += FILTER_BYTES) {
    if (program.readUInt16LE(at) === RETURN) values.add(program.readUInt32LE(at + 4));
  }
  return values;
}

function compile(profile: Partial<SeccompProfile>): Buffer {
  const program = compileSeccomp({ defaultAction: "SCMP_ACT_ERRNO", architectures: [], syscalls: [], ...profile });
  assert.ok(program, "libseccomp2 is installed by tools/setup.sh");
  return program;
}

test("compileSeccomp: gives whole instructions that end in the profile's actions", () => {
  const program = compile({
    defaultErrnoRet: 38,
    syscalls: [
      { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
      { names: ["mount"], action: "SCMP_ACT_ERRNO", errnoRet: 13 },
    ],
  });
  assert.equal(program.length % FILTER_BYTES, 0);
  const values = returns(program);
  for (const value of [0x7fff0000, 0x00050000 | 38, 0x00050000 | 13]) assert.ok(values.has(value));
});

test("compileSeccomp: the same profile gives the same program, a condition another", () => {
  const profile = { syscalls: [{ names: ["personality"], action: "SCMP_ACT_ALLOW" as const }] };
  assert.ok(compile(profile).equals(compile(profile)));
  const conditional = compile({
    syscalls: [
      {
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, op: "SCMP_CMP_EQ", value: 8 }],
      },
    ],
  });
  assert.ok(conditional.length > compile(profile).length);
});

test("compileSeccomp: names that this libseccomp does not know are left to the default", () => {
  const known = compile({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] });
  const more = compile({ syscalls: [{ names: ["read", "no_such_syscall"], action: "SCMP_ACT_ALLOW" }] });
  assert.ok(known.equals(more));
});

test("compileSeccomp: calls are looked for in a tree: a call by chance meets few comparisons", () => {
  const names = "read write open close stat fstat lstat poll lseek mmap mprotect munmap brk ioctl pread64".split(" ");
  const program = compile({ syscalls: [{ names, action: "SCMP_ACT_ALLOW" }] });
  const isGreater = (at: number): boolean => [0x25, 0x35].includes(program.readUInt16LE(at));
  const steps = Array.from({ length: program.length / FILTER_BYTES }, (_, index) => index * FILTER_BYTES);
  assert.ok(steps.filter(isGreater).length > 2);
});
