import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import { isMountPoint, mountByName, unmount } from "#host";
import type { LocalOptions } from "./localOptions.ts";

/** The kernel's NFS and CIFS clients know addresses only. */
async function withAddress(options: string): Promise<string> {
  const parts = options.split(",").map(async (part) => {
    const [, host] = /^addr=(.+)$/.exec(part) ?? [];
    if (host === undefined || isIP(host) !== 0) return part;
    return `addr=${(await lookup(host)).address}`;
  });
  return (await Promise.all(parts)).join(",");
}

async function cifsDevice(device: string): Promise<string> {
  const [, host, rest = ""] = /^\/\/([^/]+)(\/.*)?$/.exec(device) ?? [];
  if (host === undefined || isIP(host) !== 0) return device;
  return `//${(await lookup(host)).address}${rest}`;
}

function failed(error: unknown): EngineError {
  const text = messageOf(error).replaceAll(/\bpassword=[^,:]*/g, "password=********");
  const details = findEngineError(error)?.details;
  return new EngineError(
    "internal",
    ErrorCode.VOLUME_MOUNT,
    `failed to mount local volume: ${text}`,
    details === undefined ? {} : { details },
  );
}

/** Mounts what the options say at `target`, unless something is mounted there. @throws in Docker's words */
export async function mountLocal(target: string, options: LocalOptions): Promise<void> {
  const { type = "", device = "", o = "" } = options;
  if (device === "") {
    throw new EngineError("internal", ErrorCode.VOLUME_MOUNT, "missing device in volume options");
  }
  if (await isMountPoint(target)) return;
  try {
    const remote = type === "nfs" || type === "cifs";
    await mountByName({
      source: type === "cifs" ? await cifsDevice(device) : device,
      target,
      type,
      options: remote ? await withAddress(o) : o,
    });
  } catch (error) {
    throw failed(error);
  }
}

/** Takes away everything that is mounted at `target`. @throws {conflict} when it is in use */
export async function unmountLocal(target: string): Promise<void> {
  while ((await isMountPoint(target)) && (await unmount(target)));
}
