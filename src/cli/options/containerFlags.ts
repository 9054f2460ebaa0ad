import type { FlagValues } from "../core/flags.ts";
import { HEALTH_FLAGS } from "./healthFlags.ts";
import type { HealthFlags } from "./healthFlags.ts";
import { NETWORK_FLAGS } from "./networkFlags.ts";
import type { NetworkFlags } from "./networkFlags.ts";
import { processFlags } from "./processFlags.ts";
import type { ProcessFlags } from "./processFlags.ts";
import { RESOURCE_FLAGS } from "./resourceFlags.ts";
import type { ResourceFlags } from "./resourceFlags.ts";
import { SECURITY_FLAGS } from "./securityFlags.ts";
import type { SecurityFlags } from "./securityFlags.ts";
import { STORAGE_FLAGS } from "./storageFlags.ts";
import type { StorageFlags } from "./storageFlags.ts";

/** Flags that `run` and `create` share, by topic. */
export type ContainerFlags = ProcessFlags & NetworkFlags & SecurityFlags & StorageFlags & ResourceFlags & HealthFlags;

/** Parsed {@link ContainerFlags}. */
export type ContainerFlagValues = FlagValues<ContainerFlags>;

/** `verb` is what the image is pulled before. */
export function containerFlags(verb: "running" | "creating"): ContainerFlags {
  return {
    ...processFlags(verb),
    ...NETWORK_FLAGS,
    ...SECURITY_FLAGS,
    ...STORAGE_FLAGS,
    ...RESOURCE_FLAGS,
    ...HEALTH_FLAGS,
  };
}
