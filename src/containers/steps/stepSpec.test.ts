import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findProgram, runProgram } from "#host";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import { containerResources } from "../spec/resources.ts";
import { FilterCache } from "../seccomp/filterCache.ts";
import { seccompFor } from "../seccomp/chooseProfile.ts";
import type { StepCall } from "./stepRunner.ts";
import { stepDocument, stepSpec } from "./stepSpec.ts";

const ENVIRONMENT = { PATH: process.env["PATH"] ?? "" };

const CALL: StepCall = {
  diffIds: [],
  process: { arguments: ["/bin/sh", "-c", "true"], environment: ["PATH=/bin"], workingDirectory: "/w", user: "" },
  mounts: [],
  isolation: { network: "none", insecure: false, hostname: "buildkitsandbox", extraHosts: [] },
  limits: {
    memory: 64 << 20,
    memorySwap: 128 << 20,
    cpuShares: 512,
    cpuQuota: 50_000,
    cpuPeriod: 100_000,
    cgroupParent: "/builds",
  },
  signal: new AbortController().signal,
  onOutput: () => undefined,
};

const specOf = (call: StepCall): ReturnType<typeof stepSpec> =>
  stepSpec(call, {
    document: stepDocument("step1", call),
    rootfs: "/rootfs",
    etc: etcFilesAt("/etc-files"),
    mounts: [],
    user: { uid: 0, gid: 0, additionalGids: [] },
    accounts: { passwd: "root:x:0:0:root:/root:/bin/sh\n", group: "" },
    networkNamespace: undefined,
    seccomp: {},
  });

test("step spec: limits are the same on every kind of host; v2 gets no word that it does not know", () => {
  const { hostConfig } = stepDocument("step1", CALL);
  for (const mode of ["legacy", "hybrid", "unified"] as const) {
    const { memory, cpu } = containerResources(hostConfig, [], mode);
    assert.deepEqual(memory, { limit: 64 << 20, swap: 128 << 20 }, mode);
    assert.deepEqual(cpu, { shares: 512, quota: 50_000, period: 100_000 }, mode);
  }
});

test("step spec: a place of its own in the tree of groups, and no driver's name in it", () => {
  const { linux } = specOf(CALL);
  assert.equal(linux.cgroupsPath, "/builds/step1");
  assert.equal("sysctl" in linux, false);
  assert.ok(linux.namespaces.some(({ type }) => type === "pid"));
});

test("step spec: runc, which takes no compiled filter, gets the whole profile", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "varve-filters-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const found = seccompFor(stepDocument("step1", CALL), { takesFilter: false }, new FilterCache(folder));
  assert.ok("seccomp" in found && found.seccomp !== undefined);
  assert.equal(found.seccomp.defaultAction, "SCMP_ACT_ERRNO");
});

test("step spec: only what the call says is in the environment, and a home", () => {
  assert.deepEqual(specOf(CALL).process.env, ["PATH=/bin", "HOME=/root"]);
  const own = { ...CALL, process: { ...CALL.process, environment: ["HOME=/h"] } };
  assert.deepEqual(specOf(own).process.env, ["HOME=/h"]);
  const empty = { ...CALL, process: { ...CALL.process, environment: ["HOME="] } };
  assert.deepEqual(specOf(empty).process.env, ["HOME=/root"]);
});

for (const runtime of ["crun", "runc"]) {
  const file = findProgram(runtime);
  const isRoot = process.getuid?.() === 0;
  test(`step spec: ${runtime} runs it as it is`, {
    skip: file === undefined || !isRoot || !existsSync("/bin/busybox") ? `needs root, busybox and ${runtime}` : false,
  }, async (t) => {
    assert.ok(file !== undefined);
    const folder = mkdtempSync(join(tmpdir(), "varve-step-"));
    const id = `varve-step-test-${process.pid}-${runtime}`;
    t.after(async () => {
      await runProgram({ file, args: [`--root=${folder}/state`, "delete", "--force", id], env: ENVIRONMENT });
      rmSync(folder, { recursive: true });
    });
    for (const name of ["bin", "w", "proc", "sys", "dev", "etc"])
      mkdirSync(join(folder, "rootfs", name), { recursive: true });
    copyFileSync("/bin/busybox", join(folder, "rootfs/bin/sh"));
    const etc = etcFilesAt(folder);
    for (const path of [etc.hosts, etc.hostname, etc.resolvConf]) writeFileSync(path, "");
    const process_ = { ...CALL.process, arguments: ["/bin/sh", "-c", "echo $0 in $PWD; exit 7"] };
    const call = { ...CALL, process: process_, limits: { memory: 64 << 20 } };
    const document = stepDocument(id, call);
    const seccomp = seccompFor(document, { takesFilter: false }, new FilterCache(folder));
    const accounts = { passwd: "", group: "" };
    const user = { uid: 0, gid: 0, additionalGids: [] };
    const spec = stepSpec(call, {
      document,
      rootfs: join(folder, "rootfs"),
      etc,
      mounts: [],
      user,
      accounts,
      networkNamespace: undefined,
      seccomp,
    });
    writeFileSync(join(folder, "config.json"), JSON.stringify(spec));
    const args = [
      `--root=${folder}/state`,
      `--log=${folder}/log`,
      "--log-format=json",
      "run",
      `--bundle=${folder}`,
      id,
    ];
    const ran = await runProgram({ file, args, env: ENVIRONMENT });
    assert.deepEqual([ran.stdout.toString(), ran.code], ["/bin/sh in /w\n", 7], ran.stderr.toString());
  });
}
