import { normalize } from "node:path/posix";
import { csvFields } from "./csv.ts";
import { toMap } from "./keyValues.ts";
import { parseCount, parseDecimal, parseUnsignedDecimal } from "./numbers.ts";
import { parseBytes } from "./sizes.ts";

/** One entry of HostConfig.Devices. */
export interface DeviceMapping {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** One entry of HostConfig.DeviceRequests. */
export interface DeviceRequest {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  readonly Capabilities: readonly (readonly string[])[] | null;
  readonly Options: Readonly<Record<string, string>> | null;
}

const isMode = (text: string): boolean => /^(?!.*(.).*\1)[rwm]+$/.test(text);

/** path.Clean of Go: no slash at the end. */
const clean = (path: string): string => {
  const short = normalize(path);
  return short.length > 1 ? short.replace(/\/+$/, "") : short;
};

/** `/dev/x[:/dev/y][:rwm]`. @throws {Error} in Docker's words. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const [host = "", second = "", third = ""] = parts;
  if (parts.length > 3 || host === "") throw new Error(`bad format for path: ${text}`);
  const hasMode = parts.length === 2 && isMode(second);
  if (parts.length === 3 && !isMode(third)) throw new Error(`bad mode specified: ${third}`);
  const named = parts.length === 1 || hasMode ? host : second;
  if (!named.startsWith("/")) throw new Error(`${named} is not an absolute path`);
  const isAlone = parts.length === 1 || hasMode;
  const inside = parts.length === 2 && !hasMode ? clean(second) : second;
  return {
    PathOnHost: isAlone ? clean(host) : host,
    PathInContainer: isAlone ? clean(host) : inside,
    CgroupPermissions: hasMode ? second : third || "rwm",
  };
}

/** A device of the Container Device Interface: `vendor.com/class=name`. */
export function isCdiName(text: string): boolean {
  return /^[a-zA-Z](?:[\w.-]*[a-zA-Z\d])?\/[a-zA-Z](?:[\w-]*[a-zA-Z\d])?=[a-zA-Z\d](?:[\w:.-]*[a-zA-Z\d])?$/.test(text);
}

/** `--device-cgroup-rule 'c 1:3 rwm'`. */
export function checkDeviceRule(text: string): string {
  if (/^[acb] (?:\d+|\*):(?:\d+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw new Error(`invalid device cgroup format '${text}'`);
}

function deviceAndValue(text: string): readonly [path: string, value: string] {
  const at = text.indexOf(":");
  if (at <= 0) throw new Error(`bad format: ${text}`);
  const path = text.slice(0, at);
  if (!path.startsWith("/dev/")) throw new Error(`bad format for device path: ${text}`);
  return [path, text.slice(at + 1)];
}

const MIN_WEIGHT = 10;
const MAX_WEIGHT = 1000;

/** `--blkio-weight-device /dev/sda:200`. */
export function parseWeightDevice(text: string): { readonly Path: string; readonly Weight: number } {
  const [Path, value] = deviceAndValue(text);
  let Weight = -1;
  try {
    Weight = parseUnsignedDecimal(value, 16);
  } catch {
    // Said below, in the words for the whole.
  }
  if (Weight < 0 || (Weight > 0 && (Weight < MIN_WEIGHT || Weight > MAX_WEIGHT))) {
    throw new Error(`invalid weight for device: ${text}`);
  }
  return { Path, Weight };
}

/** A rate of a device. */
export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

/** `--device-read-bps /dev/sda:1mb`. */
export function parseByteRate(text: string): ThrottleDevice {
  const [Path, value] = deviceAndValue(text);
  try {
    return { Path, Rate: parseBytes(value) };
  } catch (cause) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb`,
      { cause },
    );
  }
}

/** `--device-read-iops /dev/sda:1000`. */
export function parseOperationRate(text: string): ThrottleDevice {
  const [Path, value] = deviceAndValue(text);
  try {
    return { Path, Rate: parseUnsignedDecimal(value, 64) };
  } catch (cause) {
    throw new Error(
      `invalid rate for device: ${text}. The correct format is <device-path>:<number>. Number must be a positive integer`,
      { cause },
    );
  }
}

function gpuCount(text: string): number {
  if (text === "all") return -1;
  try {
    return parseCount(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`invalid count (${text}): value must be either "all" or an integer: ${why}`, { cause: error });
  }
}

function gpuField(request: DeviceRequest, key: string, value: string): DeviceRequest {
  switch (key) {
    case "driver":
      return { ...request, Driver: value };
    case "count":
      return { ...request, Count: gpuCount(value) };
    case "device":
      return { ...request, DeviceIDs: value.split(",") };
    case "capabilities":
      return { ...request, Capabilities: [[...value.split(","), "gpu"]] };
    case "options":
      return { ...request, Options: toMap(gpuOptions(value)) };
    default:
      throw new Error(`unexpected key '${key}' in '${key}=${value}'`);
  }
}

function gpuOptions(text: string): readonly string[] {
  try {
    return csvFields(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`failed to read gpu options: ${why}`, { cause: error });
  }
}

/** `--gpus all`, `--gpus 'device=0,1'`. @throws {Error} in Docker's words. */
export function parseGpus(text: string): DeviceRequest {
  let request: DeviceRequest = { Driver: "", Count: 0, DeviceIDs: null, Capabilities: null, Options: null };
  const seen = new Set<string>();
  for (const field of csvFields(text)) {
    const at = field.indexOf("=");
    const key = at < 0 ? field : field.slice(0, at);
    if (seen.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    seen.add(key);
    if (at < 0) seen.add("count");
    request = at < 0 ? { ...request, Count: gpuCount(key) } : gpuField(request, key, field.slice(at + 1));
  }
  const isCounted = seen.has("count") || request.DeviceIDs !== null;
  return {
    ...request,
    Count: isCounted ? request.Count : 1,
    Capabilities: request.Capabilities ?? [["gpu"]],
    Options: request.Options ?? {},
  };
}

/** One entry of HostConfig.Ulimits. */
export interface Ulimit {
  readonly Name: string;
  readonly Hard: number;
  readonly Soft: number;
}

const ULIMITS = new Set(
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(" "),
);

/** `nofile=1024[:2048]`; -1 is without limit. @throws {Error} in Docker's words. */
export function parseUlimit(text: string): Ulimit {
  const at = text.indexOf("=");
  if (at < 0) throw new Error(`invalid ulimit argument: ${text}`);
  const Name = text.slice(0, at);
  if (!ULIMITS.has(Name)) throw new Error(`invalid ulimit type: ${Name}`);
  const values = text.slice(at + 1).split(":");
  const [soft = "", hard] = values;
  if (values.length > 2) {
    throw new Error(`too many limit value arguments - ${text.slice(at + 1)}, can only have up to two, \`soft[:hard]\``);
  }
  const Hard = parseDecimal(hard ?? soft);
  const Soft = parseDecimal(soft);
  if (Hard !== -1 && Soft === -1) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: ${Hard}`);
  }
  if (Hard !== -1 && Soft > Hard) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  }
  return { Name, Hard, Soft };
}
