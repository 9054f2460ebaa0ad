import { boolFlag, listFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { checkDeviceRule, isCdiName, parseDevice, parseGpus } from "./devices.ts";
import type { DeviceRequest } from "./devices.ts";
import { checkSysctl, toMap } from "./keyValues.ts";
import { parseSecurityOptions } from "./securityOptions.ts";

type Lists =
  | "annotation"
  | "cap-add"
  | "cap-drop"
  | "device"
  | "device-cgroup-rule"
  | "group-add"
  | "security-opt"
  | "sysctl";

/** Privileges, namespaces, devices. */
export type SecurityFlags = Readonly<
  Record<Lists, Flag<readonly string[]>> &
    Record<"cgroupns" | "ipc" | "isolation" | "pid" | "runtime" | "userns" | "uts", Flag<string>> &
    Record<"privileged", Flag<boolean>> &
    Record<"gpus", Flag<readonly DeviceRequest[]>>
>;

const mapOf = (usage: string, check?: (text: string) => string): Flag<readonly string[]> => ({
  ...listFlag(undefined, usage, check),
  typeName: "map",
  shownDefault: "map[]",
});

const CGROUPNS_USAGE = [
  "Cgroup namespace to use (host|private)",
  "'host':    Run the container in the Docker host's cgroup namespace",
  "'private': Run the container in its own private cgroup namespace",
  "'':        Use the cgroup namespace as configured by the",
  "           default-cgroupns-mode option on the daemon (default)",
].join("\n");

export const SECURITY_FLAGS: SecurityFlags = {
  annotation: mapOf("Add an annotation to the container (passed through to the OCI runtime)"),
  "cap-add": listFlag(undefined, "Add Linux capabilities"),
  "cap-drop": listFlag(undefined, "Drop Linux capabilities"),
  cgroupns: stringFlag(undefined, CGROUPNS_USAGE),
  device: listFlag(undefined, "Add a host device to the container"),
  "device-cgroup-rule": listFlag(undefined, "Add a rule to the cgroup allowed devices list", checkDeviceRule),
  gpus: valueFlag<readonly DeviceRequest[]>(
    "gpu-request",
    "GPU devices to add to the container ('all' to pass all GPUs)",
    { initial: [], parse: (text, current) => [...current, parseGpus(text)] },
  ),
  "group-add": listFlag(undefined, "Add additional groups to join"),
  ipc: stringFlag(undefined, "IPC mode to use"),
  isolation: stringFlag(undefined, "Container isolation technology"),
  pid: stringFlag(undefined, "PID namespace to use"),
  privileged: boolFlag(undefined, "Give extended privileges to this container"),
  runtime: stringFlag(undefined, "Runtime to use for this container"),
  "security-opt": listFlag(undefined, "Security Options"),
  sysctl: mapOf("Sysctl options", checkSysctl),
  userns: stringFlag(undefined, "User namespace to use"),
  uts: stringFlag(undefined, "UTS namespace to use"),
};

function checkModes(flags: FlagValues<SecurityFlags>): void {
  if (!/^(?:|host|container:.+)$/s.test(flags.pid)) throw new Error("--pid: invalid PID mode");
  if (!["", "host"].includes(flags.uts)) throw new Error("--uts: invalid UTS mode");
  if (!["", "host"].includes(flags.userns)) throw new Error("--userns: invalid USER mode");
  if (!["", "host", "private"].includes(flags.cgroupns)) throw new Error("--cgroupns: invalid CGROUP mode");
}

/** `net_admin` → `CAP_NET_ADMIN`; each once, sorted. */
function capabilities(list: readonly string[]): readonly string[] | null {
  if (list.length === 0) return null;
  const names = list
    .map((name) => name.toUpperCase())
    .map((name) => (name === "ALL" ? name : name.replace(/^(?!CAP_)/, "CAP_")));
  return [...new Set(names)].sort();
}

const nullWhenEmpty = (list: readonly string[]): readonly string[] | null => (list.length === 0 ? null : list);

function deviceRequests(flags: FlagValues<SecurityFlags>, cdi: readonly string[]): readonly unknown[] | null {
  const named =
    cdi.length === 0 ? [] : [{ Driver: "cdi", Count: 0, DeviceIDs: cdi, Capabilities: null, Options: null }];
  const all = [...flags.gpus, ...named];
  return all.length === 0 ? null : all;
}

const unlessEmpty = (key: string, list: readonly string[]): Readonly<Record<string, unknown>> =>
  list.length === 0 ? {} : { [key]: toMap(list) };

/** The part of HostConfig about isolation. @throws {Error} in Docker's words. */
export function securitySettings(flags: FlagValues<SecurityFlags>): Readonly<Record<string, unknown>> {
  const cdi = flags.device.filter(isCdiName);
  const devices = flags.device.filter((text) => !isCdiName(text)).map(parseDevice);
  checkModes(flags);
  const { options, maskedPaths, readonlyPaths } = parseSecurityOptions(flags["security-opt"]);
  return {
    CapAdd: capabilities(flags["cap-add"]),
    CapDrop: capabilities(flags["cap-drop"]),
    CgroupnsMode: flags.cgroupns,
    GroupAdd: nullWhenEmpty(flags["group-add"]),
    IpcMode: flags.ipc,
    Cgroup: "",
    PidMode: flags.pid,
    Privileged: flags.privileged,
    SecurityOpt: options,
    UTSMode: flags.uts,
    UsernsMode: flags.userns,
    Isolation: flags.isolation,
    Devices: devices,
    DeviceCgroupRules: nullWhenEmpty(flags["device-cgroup-rule"]),
    DeviceRequests: deviceRequests(flags, cdi),
    MaskedPaths: maskedPaths,
    ReadonlyPaths: readonlyPaths,
    ...unlessEmpty("Annotations", flags.annotation),
    ...unlessEmpty("Sysctls", flags.sysctl),
    ...(flags.runtime === "" ? {} : { Runtime: flags.runtime }),
  };
}
