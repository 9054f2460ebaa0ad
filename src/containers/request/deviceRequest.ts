import type { Fields } from "./fields.ts";

/** `HostConfig.Devices`. */
export interface DeviceMapping {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  /** Any of `r`, `w`, `m`. */
  readonly CgroupPermissions: string;
}

export interface WeightDevice {
  readonly Path: string;
  readonly Weight: number;
}

/** Bytes or operations a second on one block device. */
export interface ThrottleDevice {
  readonly Path: string;
  readonly Rate: number;
}

/** Block IO limits of a container, in the API's spelling. */
export interface BlockIoLimits {
  readonly BlkioWeight: number;
  readonly BlkioWeightDevice: readonly WeightDevice[];
  readonly BlkioDeviceReadBps: readonly ThrottleDevice[];
  readonly BlkioDeviceWriteBps: readonly ThrottleDevice[];
  readonly BlkioDeviceReadIOps: readonly ThrottleDevice[];
  readonly BlkioDeviceWriteIOps: readonly ThrottleDevice[];
}

/** `HostConfig.DeviceRequests`: devices by what they can do, e.g. GPUs. */
export interface DeviceRequest {
  readonly Driver: string;
  /** -1: all */
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  /** Any of these sets. */
  readonly Capabilities: readonly (readonly string[])[] | null;
  readonly Options: Readonly<Record<string, string>>;
}

function parseCapabilities(value: unknown): DeviceRequest["Capabilities"] {
  if (!Array.isArray(value)) return null;
  return value.map((set: unknown) => (Array.isArray(set) ? set.map(String) : []));
}

export function parseDeviceRequests(fields: Fields): readonly DeviceRequest[] | null {
  if (fields.get("DeviceRequests") === undefined) return null;
  return fields.objects("DeviceRequests").map((request) => ({
    Driver: request.text("Driver"),
    Count: request.integer("Count"),
    DeviceIDs: request.texts("DeviceIDs") ?? null,
    Capabilities: parseCapabilities(request.get("Capabilities")),
    Options: request.textMap("Options"),
  }));
}

export function parseDevices(fields: Fields): readonly DeviceMapping[] {
  return fields.objects("Devices").map((device) => ({
    PathOnHost: device.text("PathOnHost"),
    PathInContainer: device.text("PathInContainer"),
    CgroupPermissions: device.text("CgroupPermissions"),
  }));
}

function parseThrottle(fields: Fields, name: string): readonly ThrottleDevice[] {
  return fields.objects(name).map((device) => ({ Path: device.text("Path"), Rate: device.integer("Rate") }));
}

export function parseBlockIo(fields: Fields): BlockIoLimits {
  return {
    BlkioWeight: fields.integer("BlkioWeight"),
    BlkioWeightDevice: fields
      .objects("BlkioWeightDevice")
      .map((device) => ({ Path: device.text("Path"), Weight: device.integer("Weight") })),
    BlkioDeviceReadBps: parseThrottle(fields, "BlkioDeviceReadBps"),
    BlkioDeviceWriteBps: parseThrottle(fields, "BlkioDeviceWriteBps"),
    BlkioDeviceReadIOps: parseThrottle(fields, "BlkioDeviceReadIOps"),
    BlkioDeviceWriteIOps: parseThrottle(fields, "BlkioDeviceWriteIOps"),
  };
}
