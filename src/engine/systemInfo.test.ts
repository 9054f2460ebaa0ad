import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { DOCKER_DEFAULTS } from "#networks";
import type { EngineConfig } from "./config.ts";
import { createSystemInfo } from "./systemInfo.ts";
import { VERSION } from "./version.ts";

const CONFIG: EngineConfig = {
  dataRoot: tmpdir(),
  execRoot: tmpdir(),
  storageDriver: undefined,
  registries: {
    insecureRegistries: ["reg.test:5000", "10.0.0.0/8"],
    registryMirrors: ["https://mirror.test"],
    mirrorsByHost: {},
  },
  maxConcurrentDownloads: 3,
  maxConcurrentUploads: 5,
  maxDownloadAttempts: 5,
  networks: DOCKER_DEFAULTS,
  labels: ["a=b"],
  debug: false,
  log: () => undefined,
};
const COUNTS = {
  images: 7,
  containers: { running: 1, paused: 2, stopped: 3 },
  eventListeners: 4,
  runtimes: ["crun"],
  defaultRuntime: "crun",
};
const createInfo = (): ReturnType<typeof createSystemInfo> =>
  createSystemInfo(CONFIG, { name: "overlay2", backend: "unpacked", status: [["Layers", "unpacked"]] }, "the-id");

/** Definition SystemInfo of docker-engine-api v1.56, without what it calls optional or leaves to Swarm and newer kernels. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  string:
    `ID Driver DockerRootDir SystemTime LoggingDriver CgroupDriver CgroupVersion KernelVersion OperatingSystem OSVersion
    OSType Architecture IndexServerAddress HttpProxy HttpsProxy NoProxy Name ServerVersion DefaultRuntime Isolation
    InitBinary`.split(/\s+/),
  number: `Containers ContainersRunning ContainersPaused ContainersStopped Images NFd NGoroutines NEventsListener NCPU
    MemTotal`.split(/\s+/),
  boolean:
    `MemoryLimit SwapLimit CpuCfsPeriod CpuCfsQuota CPUShares CPUSet PidsLimit OomKillDisable IPv4Forwarding Debug
    ExperimentalBuild LiveRestoreEnabled`.split(/\s+/),
  object:
    `DriverStatus Plugins RegistryConfig GenericResources Labels Runtimes Swarm ContainerdCommit RuncCommit InitCommit
    SecurityOptions Warnings CDISpecDirs`.split(/\s+/),
};

test("info: has every field of the API's SystemInfo, in its type", async () => {
  const info = await (await createInfo()).info(COUNTS);
  for (const [type, names] of Object.entries(FIELDS))
    for (const name of names) assert.equal(typeof info[name], type, `${name} is ${typeof info[name]}`);
});

test("info: tells counts, driver, registries and labels as they are", async () => {
  const info = await (await createInfo()).info(COUNTS);
  assert.deepEqual([info["Containers"], info["ContainersPaused"], info["Images"], info["ID"]], [6, 2, 7, "the-id"]);
  assert.ok(JSON.stringify(info["DriverStatus"]).includes("Backing Filesystem"));
  assert.deepEqual(info["Labels"], ["a=b"]);
  const registries = JSON.stringify(info["RegistryConfig"]);
  for (const text of ["reg.test:5000", "10.0.0.0/8", "https://mirror.test", "docker.io"])
    assert.ok(registries.includes(text));
});

test("info: shows no password of a proxy", async () => {
  const before = process.env["HTTPS_PROXY"];
  process.env["HTTPS_PROXY"] = "http://me:s3cret@proxy.test:3128";
  try {
    const info = await (await createInfo()).info(COUNTS);
    assert.equal(info["HttpsProxy"], "http://proxy.test:3128/");
  } finally {
    if (before === undefined) delete process.env["HTTPS_PROXY"];
    else process.env["HTTPS_PROXY"] = before;
  }
});

test("info: warns when no runtime is there", async () => {
  const info = await (await createInfo()).info({ ...COUNTS, runtimes: [], defaultRuntime: "" });
  assert.match(JSON.stringify(info["Warnings"]), /WARNING: no container runtime/);
});

test("version: names the engine first, with the span of API versions", async () => {
  const version = (await createInfo()).version();
  assert.equal(version.Version, VERSION);
  assert.equal(version.Components[0]?.Name, "Engine");
  assert.ok(Number(version.MinAPIVersion.split(".")[1]) < Number(version.ApiVersion.split(".")[1]));
});
