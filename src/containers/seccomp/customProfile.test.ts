import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKernelRelease } from "#host";
import { resolveCustomProfile } from "./customProfile.ts";
import type { SeccompTarget } from "./resolveProfile.ts";

const target: SeccompTarget = {
  capabilities: ["CAP_CHOWN"],
  architecture: "x64",
  kernel: parseKernelRelease("6.1.0"),
};

const resolve = (profile: object): unknown => resolveCustomProfile(JSON.stringify(profile), target);

test("custom profile: archMap gives the native architecture and its sisters", () => {
  const archMap = [
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] },
  ];
  assert.deepEqual(resolve({ defaultAction: "SCMP_ACT_ALLOW", archMap }), {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [],
  });
});

test("custom profile: includes must all hold, one excludes is enough, name stands for names", () => {
  const rule = (name: string, more: object): object => ({ name, action: "SCMP_ACT_ERRNO", ...more });
  const profile = resolveCustomProfile(
    JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        rule("a", { includes: { caps: ["CAP_CHOWN"] } }),
        rule("b", { includes: { caps: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } }),
        rule("c", { includes: { arches: ["amd64", "x32"] } }),
        rule("d", { includes: { arches: ["arm64"] } }),
        rule("e", { includes: { minKernel: "4.8" } }),
        rule("f", { includes: { minKernel: "7.0" } }),
        rule("g", { excludes: { caps: ["CAP_SYS_ADMIN", "CAP_CHOWN"] } }),
        rule("h", { excludes: { arches: ["arm64"] } }),
        rule("i", { excludes: { minKernel: "4.8" } }),
        { names: ["j", "k"], action: "SCMP_ACT_LOG", errnoRet: 5, args: [{ index: 0, value: 1, op: "SCMP_CMP_GT" }] },
      ],
    }),
    target,
  );
  assert.deepEqual(
    profile?.syscalls.map(({ names }) => names.join()),
    ["a", "c", "e", "h", "j,k"],
  );
  assert.deepEqual(profile?.syscalls.at(-1), {
    names: ["j", "k"],
    action: "SCMP_ACT_LOG",
    errnoRet: 5,
    args: [{ index: 0, value: 1, op: "SCMP_CMP_GT" }],
  });
});

test("custom profile: one that asks for nothing is none", () => {
  assert.equal(resolve({}), undefined);
});

test("custom profile: contradictions and broken JSON in Docker's words", () => {
  assert.throws(() => resolveCustomProfile("{", target), {
    message: "decoding seccomp profile failed: unexpected end of JSON input",
  });
  assert.throws(() => resolve({ defaultAction: "x", architectures: ["a"], archMap: [{}] }), {
    message: /both 'architectures' and 'archMap' are specified/,
  });
  assert.throws(() => resolve({ syscalls: [{ name: "a", names: ["b"] }] }), {
    message: /both 'name' and 'names' are specified/,
  });
});
