import { lstatSync, realpathSync, readdirSync, statSync } from "node:fs";
import type { Dirent, Stats } from "node:fs";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { DeviceMapping } from "../request/deviceRequest.ts";
import type { HostConfig } from "../request/hostConfig.ts";
import { hostDevices, splitDeviceNumber } from "./hostDevices.ts";
import { RUNC_FAILED } from "./runtimeWords.ts";
import type { OciDevice, OciDeviceRule } from "./ociSpec.ts";

/** Nodes to make in a container, and what its cgroup may do with which device. */
export interface ContainerDevices {
  readonly nodes: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

const NONE: ContainerDevices = { nodes: [], rules: [] };

function failed(path: string, why: string): EngineError {
  const message = `error gathering device information while adding custom device ${JSON.stringify(path)}: ${why}`;
  return new EngineError("internal", ErrorCode.BAD_REQUEST, message);
}

function toNode(stat: Stats, path: string): OciDevice | undefined {
  if (!stat.isBlockDevice() && !stat.isCharacterDevice()) return undefined;
  const type = stat.isBlockDevice() ? "b" : "c";
  return { path, type, ...splitDeviceNumber(stat.rdev), fileMode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid };
}

function toRule({ type, major, minor }: OciDevice, access: string): OciDeviceRule {
  return { allow: true, type, major, minor, access };
}

/** Every device node below a directory, under its name in the container. */
function nodesBelow(directory: string, shownAs: string): readonly OciDevice[] {
  return entriesOf(directory).flatMap((entry) => {
    const [path, shown] = [join(directory, entry.name), join(shownAs, entry.name)];
    if (entry.isDirectory()) return nodesBelow(path, shown);
    if (!entry.isBlockDevice() && !entry.isCharacterDevice()) return [];
    const node = toNode(lstatSync(path), shown);
    return node === undefined ? [] : [node];
  });
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return []; // gone meanwhile: Docker ignores what it cannot read below the directory
  }
}

function nodesOf({ PathOnHost, PathInContainer }: DeviceMapping): readonly OciDevice[] {
  let path: string;
  let stat: Stats;
  try {
    path = realpathSync(PathOnHost);
    stat = statSync(path);
  } catch {
    throw failed(PathOnHost, "no such file or directory");
  }
  const node = toNode(stat, PathInContainer);
  if (node !== undefined) return [node];
  const below = stat.isDirectory() ? nodesBelow(path, PathInContainer) : [];
  if (below.length === 0) throw failed(PathOnHost, "not a device node");
  return below;
}

const RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

/** `c 1:3 rwm`; `*` stands for every number. @throws {internal} */
export function parseDeviceRule(text: string): OciDeviceRule {
  const [whole, type = "", major = "*", minor = "*", access = ""] = RULE.exec(text) ?? [];
  if (whole === undefined) {
    throw new EngineError("internal", ErrorCode.BAD_REQUEST, `invalid device cgroup rule format: '${text}'`);
  }
  return {
    allow: true,
    ...(type === "b" || type === "c" || type === "a" ? { type } : {}),
    ...(major === "*" ? {} : { major: Number(major) }),
    ...(minor === "*" ? {} : { minor: Number(minor) }),
    access,
  };
}

/** The rules that Docker and its runtime have before those of a container's devices. */
const RULES_BEFORE = 16;

/**
 * Rules of given devices: of the permissions only those that there are, no rule for none of them.
 * @throws {internal} in the words of Docker's runtime for permissions that are empty
 */
function usableRules(rules: readonly OciDeviceRule[]): readonly OciDeviceRule[] {
  const empty = rules.findIndex(({ access }) => access === "");
  if (empty >= 0) {
    const message = `${RUNC_FAILED}device access at ${RULES_BEFORE + empty} field cannot be empty: unknown`;
    throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, message);
  }
  return rules
    .map((rule) => ({ ...rule, access: ["r", "w", "m"].filter((letter) => rule.access.includes(letter)).join("") }))
    .filter(({ access }) => access !== "");
}

/** A driver that offers GPUs would have to be installed; there is none here. */
function refuseDriver({ DeviceRequests }: HostConfig): void {
  const [request] = DeviceRequests ?? [];
  if (request === undefined) return;
  const capabilities = `[${(request.Capabilities ?? []).map((set) => `[${set.join(" ")}]`).join(" ")}]`;
  const message = `could not select device driver ${JSON.stringify(request.Driver)} with capabilities: ${capabilities}`;
  throw new EngineError("internal", ErrorCode.BAD_REQUEST, message);
}

/** Devices that a container was given; a privileged one has all of the host's. @throws in Docker's words */
export function containerDevices(hostConfig: HostConfig): ContainerDevices {
  const { Privileged, Devices, DeviceCgroupRules } = hostConfig;
  refuseDriver(hostConfig);
  if (!Privileged && Devices.length === 0 && DeviceCgroupRules === null) return NONE;
  if (Privileged) {
    const all = hostDevices();
    const present = new Set(all.map(({ path }) => path));
    const moved = Devices.filter(({ PathInContainer }) => !present.has(PathInContainer)).flatMap(nodesOf);
    return { nodes: [...all, ...moved], rules: [] };
  }
  const given = Devices.map((mapping) => ({ nodes: nodesOf(mapping), access: mapping.CgroupPermissions }));
  return {
    nodes: given.flatMap(({ nodes }) => nodes),
    rules: [
      ...usableRules(given.flatMap(({ nodes, access }) => nodes.map((node) => toRule(node, access)))),
      ...(DeviceCgroupRules ?? []).map(parseDeviceRule),
    ],
  };
}
