import assert from "node:assert/strict";
import { test } from "node:test";
import { ContainerIndex } from "../containerIndex.ts";
import { newContainer } from "../createContainer.ts";
import type { ContainerCreateRequest } from "../containerService.ts";
import { parseDigest } from "#oci";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import { tmpfsForRuntime } from "../mounts/ociMounts.ts";
import type { Ulimit } from "../request/hostConfig.ts";
import { buildRuntimeSpec } from "./runtimeSpec.ts";
import type { OciSpec } from "./ociSpec.ts";

const base = {
  imageId: parseDigest(`sha256:${"1".repeat(64)}`),
  defaults: { Cmd: ["nginx", "-g", "daemon off;"], Env: ["PATH=/bin", "NGINX=1"] },
  diffIds: [],
  chainId: undefined,
  warnings: [],
};

function specOf(
  request: Partial<ContainerCreateRequest> = {},
  initProgram?: string,
  ulimits: readonly Ulimit[] = [],
): OciSpec {
  const { document } = newContainer({ Image: "nginx", ...request }, base, {
    name: "name",
    index: new ContainerIndex(),
    hasDefaultNetwork: true,
  });
  return buildRuntimeSpec({
    document: { ...document, id: "0123456789ab" },
    rootfs: "/merged",
    etc: etcFilesAt("/etc-files"),
    mounts: Object.entries(document.hostConfig.Tmpfs).map(([path, text]) => tmpfsForRuntime(path, text)),
    user: { uid: 0, gid: 0, additionalGids: [0] },
    ulimits,
    seccomp: { annotations: { filter: "x" } },
    ...(document.hostConfig.NetworkMode === "host" ? {} : { networkNamespace: "/netns/1" }),
    ...(initProgram === undefined ? {} : { initProgram }),
  });
}

test("runtime spec: Docker's default when nothing is asked", () => {
  const spec = specOf({ Hostname: "bb42f254ccd8", HostConfig: { NetworkMode: "none", CgroupnsMode: "host" } });
  assert.deepEqual(spec.process, {
    user: { uid: 0, gid: 0, additionalGids: [0] },
    args: ["nginx", "-g", "daemon off;"],
    env: ["PATH=/bin", "HOSTNAME=bb42f254ccd8", "NGINX=1"],
    cwd: "/",
    capabilities: { bounding: DEFAULT, effective: DEFAULT, permitted: DEFAULT },
    oomScoreAdj: 0,
  });
  assert.deepEqual(
    spec.mounts.map(({ destination, type, options }) => `${destination} ${type} ${options.join(",")}`),
    [
      "/proc proc nosuid,noexec,nodev",
      "/dev tmpfs nosuid,strictatime,mode=755,size=65536k",
      "/dev/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5",
      "/sys sysfs nosuid,noexec,nodev,ro",
      "/sys/fs/cgroup cgroup ro,nosuid,noexec,nodev",
      "/dev/mqueue mqueue nosuid,noexec,nodev",
      "/dev/shm tmpfs nosuid,noexec,nodev,mode=1777,size=67108864",
      "/etc/resolv.conf bind rbind,rprivate",
      "/etc/hostname bind rbind,rprivate",
      "/etc/hosts bind rbind,rprivate",
    ],
  );
  assert.deepEqual(
    spec.linux.namespaces.map(({ type }) => type),
    ["mount", "network", "uts", "pid", "ipc"],
  );
  assert.deepEqual(spec.linux.sysctl, {
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
  });
  assert.equal(spec.linux.cgroupsPath, "/varve/0123456789ab");
  assert.deepEqual(
    spec.linux.resources.devices.map(({ allow, major = "*", minor = "*" }) => `${allow} ${major}:${minor}`),
    [
      "false *:*",
      "true 1:5",
      "true 1:3",
      "true 1:9",
      "true 1:8",
      "true 5:0",
      "true 5:1",
      "true 10:200",
      "false 10:229",
    ],
  );
  assert.equal(spec.linux.maskedPaths?.length, 11);
  assert.equal(spec.linux.readonlyPaths?.length, 5);
  assert.deepEqual(spec.annotations, { filter: "x" });
});

const DEFAULT =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

test("runtime spec: the host's network brings no sysctls and no namespace", () => {
  const spec = specOf({ HostConfig: { NetworkMode: "host" } });
  assert.equal(spec.linux.sysctl, undefined);
  assert.ok(!spec.linux.namespaces.some(({ type }) => type === "network"));
});

test("runtime spec: a terminal has a TERM, a size if the client told one", () => {
  const { process: ours } = specOf({ Tty: true, HostConfig: { ConsoleSize: [24, 80] } });
  assert.equal(ours.terminal, true);
  assert.deepEqual(ours.consoleSize, { height: 24, width: 80 });
  assert.ok(ours.env.includes("TERM=xterm"));
});

test("runtime spec: privileged has no masks, no read-only system mounts, every device", () => {
  const { linux, mounts } = specOf({ HostConfig: { Privileged: true } });
  assert.equal(linux.maskedPaths, undefined);
  assert.equal(linux.readonlyPaths, undefined);
  assert.deepEqual(linux.resources.devices, [{ allow: true, access: "rwm" }]);
  assert.ok(
    linux.devices?.some(
      ({ path, type, major, minor }) => path === "/dev/null" && `${type}${major}:${minor}` === "c1:3",
    ),
  );
  assert.deepEqual(mounts.find(({ destination }) => destination === "/sys")?.options, ["nosuid", "noexec", "nodev"]);
});

test("runtime spec: limits, as the runtime takes them", () => {
  const { linux, process: ours } = specOf({
    HostConfig: {
      Memory: 64 << 20,
      MemoryReservation: 32 << 20,
      NanoCpus: 5e8,
      CpuShares: 512,
      CpusetCpus: "0",
      PidsLimit: 100,
      Ulimits: [{ Name: "nofile", Hard: 2048, Soft: 1024 }],
      SecurityOpt: ["no-new-privileges"],
      OomScoreAdj: 100,
    },
  });
  assert.deepEqual(linux.resources.memory, { limit: 67108864, reservation: 33554432, swap: 134217728 });
  assert.deepEqual(linux.resources.cpu, { shares: 512, quota: 50000, period: 100000, cpus: "0" });
  assert.deepEqual(linux.resources.pids, { limit: 100 });
  assert.deepEqual(ours.rlimits, [{ type: "RLIMIT_NOFILE", hard: 2048, soft: 1024 }]);
  assert.equal(ours.noNewPrivileges, true);
  assert.equal(ours.oomScoreAdj, 100);
});

test("runtime spec: read-only root, tmpfs, shm size, init, capabilities", () => {
  const spec = specOf(
    {
      HostConfig: {
        ReadonlyRootfs: true,
        Tmpfs: { "/run/x": "size=1m,mode=1770", "/run/e": "exec" },
        ShmSize: 134217728,
        Init: false,
        CapAdd: ["sys_admin"],
        CapDrop: ["CAP_CHOWN"],
      },
    },
    "/usr/bin/init",
  );
  const options = (path: string): string | undefined =>
    spec.mounts.find(({ destination }) => destination === path)?.options.join(",");
  assert.equal(spec.root.readonly, true);
  assert.equal(options("/run/x"), "noexec,nosuid,nodev,rprivate,size=1m,mode=1770");
  assert.equal(options("/run/e"), "nosuid,nodev,rprivate,exec");
  assert.equal(options("/dev/shm"), "nosuid,noexec,nodev,mode=1777,size=134217728");
  assert.equal(options("/etc/hosts"), "rbind,ro,rprivate");
  assert.deepEqual(spec.process.args.slice(0, 3), ["/sbin/docker-init", "--", "nginx"]);
  assert.ok(spec.process.capabilities.bounding.includes("CAP_SYS_ADMIN"));
  assert.ok(!spec.process.capabilities.bounding.includes("CAP_CHOWN"));
});

test("runtime spec: an unknown capability is refused in Docker's words", () => {
  assert.throws(() => specOf({ HostConfig: { CapAdd: ["FOO"] } }), {
    message: 'invalid CapAdd: unknown capability: "CAP_FOO"',
  });
});

test("runtime spec: the daemon's ulimits are of who asks for none of their name", () => {
  const defaults = [
    { Name: "nofile", Hard: 9, Soft: 9 },
    { Name: "core", Hard: 0, Soft: 0 },
  ];
  const HostConfig = { Ulimits: [{ Name: "nofile", Hard: 2048, Soft: 1024 }] };
  assert.deepEqual(specOf({ HostConfig }, undefined, defaults).process.rlimits, [
    { type: "RLIMIT_NOFILE", hard: 2048, soft: 1024 },
    { type: "RLIMIT_CORE", hard: 0, soft: 0 },
  ]);
});
