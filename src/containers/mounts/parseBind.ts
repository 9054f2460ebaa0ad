import { isAbsolute } from "node:path";
import { messageOf } from "#errors";
import { checkMount } from "./checkMount.ts";
import type { CheckedMount } from "./checkMount.ts";
import { invalidMount } from "./mountError.ts";
import { isMountMode, parseMountMode } from "./mountMode.ts";
import type { MountMode } from "./mountMode.ts";
import type { MountRequest } from "../request/mountRequest.ts";

type VolumeOptions = NonNullable<MountRequest["VolumeOptions"]>;

/** An entry of `HostConfig.Binds`. */
export interface Bind {
  readonly mount: CheckedMount;
  /** As it was written. */
  readonly mode: string;
}

const invalidBind = (text: string): Error => invalidMount(`invalid volume specification: '${text}'`);

/** `destination`, `source:destination`, `source:destination:mode`. */
function split(text: string): readonly [source: string | undefined, destination: string, mode: string] {
  const parts = text.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (first === "" || parts.length > 3) throw invalidBind(text);
  if (parts.length === 1) return [undefined, first, ""];
  // A destination and a mode are no volume.
  if (parts.length === 2 && isMountMode(second)) throw invalidBind(text);
  return [first, second, third];
}

function volumeOptions({ noCopy }: MountMode, driver: string, isVolume: boolean): VolumeOptions | undefined {
  const options = {
    ...(driver !== "" && isVolume ? { DriverConfig: { Name: driver } } : {}),
    ...(noCopy ? { NoCopy: true } : {}),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

/** An entry of `HostConfig.Binds` as a mount request. @throws {invalid_argument} in Docker's words */
export function parseBind(text: string, volumeDriver = ""): Bind {
  const [source, destination, modeText] = split(text);
  const mode = parseMountMode(modeText);
  const isVolume = source === undefined || !isAbsolute(source);
  const options = volumeOptions(mode, volumeDriver, isVolume);
  const request: MountRequest = {
    Type: isVolume ? "volume" : "bind",
    Target: destination,
    ...(source === undefined ? {} : { Source: source }),
    ...(mode.writable ? {} : { ReadOnly: true }),
    ...(mode.propagation === undefined ? {} : { BindOptions: { Propagation: mode.propagation } }),
    ...(options === undefined ? {} : { VolumeOptions: options }),
  };
  try {
    return { mount: checkMount(request), mode: modeText };
  } catch (error) {
    throw invalidMount(`invalid volume specification: '${text}': ${messageOf(error)}`);
  }
}
