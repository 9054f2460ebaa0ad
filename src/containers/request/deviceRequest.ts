import { EngineError, ErrorCode } from "#errors";
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

const MIN_WEIGHT = 10;
const MAX_WEIGHT = 1000;

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

/** @throws {invalid_argument} in Docker's words */
export function parseBlockIo(fields: Fields): BlockIoLimits {
  const BlkioWeight = fields.integer("BlkioWeight");
  if (BlkioWeight !== 0 && (BlkioWeight < MIN_WEIGHT || BlkioWeight > MAX_WEIGHT)) {
    const message = "Range of blkio weight is from 10 to 1000";
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  return {
    BlkioWeight,
    BlkioWeightDevice: fields
      .objects("BlkioWeightDevice")
      .map((device) => ({ Path: device.text("Path"), Weight: device.integer("Weight") })),
    BlkioDeviceReadBps: parseThrottle(fields, "BlkioDeviceReadBps"),
    BlkioDeviceWriteBps: parseThrottle(fields, "BlkioDeviceWriteBps"),
    BlkioDeviceReadIOps: parseThrottle(fields, "BlkioDeviceReadIOps"),
    BlkioDeviceWriteIOps: parseThrottle(fields, "BlkioDeviceWriteIOps"),
  };
}
