import { readdir, readFile } from "node:fs/promises";
import { hostname, release, arch } from "node:os";
import { shownAppArmorProfile, INIT_PROGRAMS } from "#containers";
import { API_VERSION, MIN_API_VERSION } from "#engineapi";
import type { VersionInfo } from "#engineapi";
import { redactUrl } from "#errors";
import { findProgram, readMachine, runProgram, statFilesystem } from "#host";
import type { Machine } from "#host";
import type { DriverInfo } from "#snapshots";
import type { EngineConfig } from "./config.ts";
import { readControlGroups } from "./controlGroups.ts";
import { VERSION } from "./version.ts";

/** What changes from one `info` to the next. */
export interface InfoCounts {
  readonly images: number;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly eventListeners: number;
  readonly runtimes: readonly string[];
  readonly defaultRuntime: string;
}

/** `info` and `version`: facts of machine and build are read once. */
export interface SystemInfo {
  info(counts: InfoCounts): Promise<Readonly<Record<string, unknown>>>;
  version(): VersionInfo;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };
const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

interface Component {
  readonly Name: string;
  readonly Version: string;
  readonly Details: Readonly<Record<string, string>>;
}

/** Asks a program for its version: the first line's first thing that looks like one. */
async function probe(name: string): Promise<Component | undefined> {
  const file = findProgram(name);
  if (file === undefined) return undefined;
  const { stdout } = await runProgram({ file, args: ["--version"] });
  const text = Buffer.from(stdout).toString("utf8");
  return {
    Name: name,
    Version: /\d+(?:\.\d+)+\S*/.exec(text)?.[0] ?? "unknown",
    Details: { GitCommit: /commit:? (?!unknown)(\S+)/.exec(text)?.[1] ?? "" },
  };
}

function engineComponent(): Component {
  return {
    Name: "Engine",
    Version: VERSION,
    Details: {
      ApiVersion: API_VERSION,
      Arch: GO_ARCHITECTURES[arch()] ?? arch(),
      BuildTime: "",
      Experimental: "false",
      GitCommit: "",
      GoVersion: `node ${process.version}`,
      KernelVersion: release(),
      MinAPIVersion: MIN_API_VERSION,
      Os: "linux",
    },
  };
}

function versionOf(components: readonly Component[]): VersionInfo {
  return {
    Platform: { Name: "varve" },
    Components: [engineComponent(), ...components],
    Version: VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: "",
    GoVersion: `node ${process.version}`,
    Os: "linux",
    Arch: GO_ARCHITECTURES[arch()] ?? arch(),
    KernelVersion: release(),
    BuildTime: "",
  };
}

function registryConfig(config: EngineConfig): Readonly<Record<string, unknown>> {
  const { insecureRegistries, registryMirrors } = config.registries;
  const isCidr = (text: string): boolean => text.includes("/");
  const index = (name: string, secure: boolean, official: boolean, mirrors: readonly string[]): object => ({
    Name: name,
    Mirrors: mirrors,
    Secure: secure,
    Official: official,
  });
  const insecure = insecureRegistries
    .filter((name) => !isCidr(name))
    .map((name) => [name, index(name, false, false, [])] as const);
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    InsecureRegistryCIDRs: ["::1/128", "127.0.0.0/8", ...insecureRegistries.filter(isCidr)],
    IndexConfigs: { "docker.io": index("docker.io", true, true, registryMirrors), ...Object.fromEntries(insecure) },
    Mirrors: registryMirrors,
  };
}

interface Facts {
  readonly config: EngineConfig;
  readonly driver: DriverInfo;
  readonly id: string;
  readonly machine: Machine;
  readonly components: readonly Component[];
  readonly backingFilesystem: string;
}

/** The daemon's own environment, without the password that a proxy's URL may hold. */
function proxyOf(name: string): string {
  return redactUrl(process.env[name] ?? process.env[name.toLowerCase()] ?? "");
}

async function describe(facts: Facts, counts: InfoCounts): Promise<Readonly<Record<string, unknown>>> {
  const [groups, forwarding, openFiles, appArmor] = await Promise.all([
    readControlGroups(),
    readForwarding(),
    countOpenFiles(),
    shownAppArmorProfile(),
  ]);
  return {
    ID: facts.id,
    ...countsOf(counts),
    ...storageOf(facts),
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "ipvlan", "macvlan", "null"],
      Authorization: null,
      Log: ["fluentd", "gelf", "journald", "json-file", "local", "syslog"],
    },
    ...groups.limits,
    IPv4Forwarding: forwarding,
    BridgeNfIptables: false,
    BridgeNfIp6tables: false,
    Debug: facts.config.debug,
    NFd: openFiles,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: facts.config.containers?.logConfig.Type ?? "json-file",
    CgroupDriver: "cgroupfs",
    CgroupVersion: groups.version,
    NEventsListener: counts.eventListeners,
    ...machineOf(facts.machine),
    ...daemonOf(facts.config),
    ...runtimesOf(facts.components, { ...counts, defaultRuntime: runtimeOf(facts.config, counts) }),
    Swarm: NO_SWARM,
    LiveRestoreEnabled: true,
    Isolation: "",
    SecurityOptions: [
      ...(appArmor === undefined ? [] : ["name=apparmor"]),
      "name=seccomp,profile=builtin",
      ...(groups.version === "2" ? ["name=cgroupns"] : []),
    ],
    CDISpecDirs: null,
    Warnings: [...groups.warnings, ...missingPrograms(counts)],
  };
}

const NO_SWARM = {
  NodeID: "",
  NodeAddr: "",
  LocalNodeState: "inactive",
  ControlAvailable: false,
  Error: "",
  RemoteManagers: null,
};

function countsOf({ containers, images }: InfoCounts): object {
  const { running, paused, stopped } = containers;
  return {
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: images,
  };
}

function storageOf({ driver, backingFilesystem }: Facts): object {
  const named = driver.status.some(([name]) => name === "Backing Filesystem");
  return {
    Driver: driver.name,
    DriverStatus: named ? driver.status : [["Backing Filesystem", backingFilesystem], ...driver.status],
  };
}

function machineOf(machine: Machine): object {
  return {
    KernelVersion: release(),
    OperatingSystem: machine.operatingSystem,
    OSVersion: machine.operatingSystemVersion,
    OSType: "linux",
    Architecture: ARCHITECTURES[arch()] ?? arch(),
    NCPU: machine.cpus,
    MemTotal: machine.memoryBytes,
    Name: hostname(),
  };
}

function daemonOf(config: EngineConfig): object {
  return {
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryConfig(config),
    GenericResources: null,
    DockerRootDir: config.dataRoot,
    HttpProxy: proxyOf("HTTP_PROXY"),
    HttpsProxy: proxyOf("HTTPS_PROXY"),
    NoProxy: proxyOf("NO_PROXY"),
    Labels: config.labels,
    ExperimentalBuild: false,
    ServerVersion: VERSION,
  };
}

/** The one that the daemon was told, if any; dockerd's own name stands for the first. */
function runtimeOf({ containers }: EngineConfig, { runtimes, defaultRuntime }: InfoCounts): string {
  return runtimes.find((name) => name === containers?.hostConfig["Runtime"]) ?? defaultRuntime;
}

function runtimesOf(components: readonly Component[], { runtimes, defaultRuntime }: InfoCounts): object {
  return {
    Runtimes: Object.fromEntries(runtimes.map((name) => [name, { path: name }])),
    DefaultRuntime: defaultRuntime,
    InitBinary: INIT_PROGRAMS.find((name) => findProgram(name) !== undefined) ?? "",
    ContainerdCommit: { ID: "", Expected: "" },
    RuncCommit: commitOf(components, defaultRuntime),
    InitCommit: { ID: "", Expected: "" },
  };
}

function missingPrograms({ defaultRuntime }: InfoCounts): readonly string[] {
  return [
    ...(defaultRuntime === "" ? ["WARNING: no container runtime: install the package crun or runc"] : []),
    ...(findProgram("conmon") === undefined
      ? ["WARNING: conmon is missing: install the package conmon to run containers"]
      : []),
  ];
}

async function readForwarding(): Promise<boolean> {
  return (await readFile("/proc/sys/net/ipv4/ip_forward", "utf8").catch(() => "0")).trim() === "1";
}

async function countOpenFiles(): Promise<number> {
  return (await readdir("/proc/self/fd")).length;
}

function commitOf(
  components: readonly Component[],
  runtime: string,
): { readonly ID: string; readonly Expected: string } {
  const component = components.find(({ Name }) => Name === runtime);
  const id = component === undefined ? "" : `${component.Name} ${component.Version}`;
  return { ID: id, Expected: id };
}

/** Reads what does not change and answers from it. */
export async function createSystemInfo(config: EngineConfig, driver: DriverInfo, id: string): Promise<SystemInfo> {
  const [machine, components, { type }] = await Promise.all([
    readMachine(),
    Promise.all(["conmon", "crun", "runc"].map(probe)),
    statFilesystem(config.dataRoot),
  ]);
  const found = components.filter((component) => component !== undefined);
  const facts: Facts = { config, driver, id, machine, components: found, backingFilesystem: type };
  return { info: (counts) => describe(facts, counts), version: () => versionOf(found) };
}
