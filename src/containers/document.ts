import { EngineError, ErrorCode } from "#errors";
import type { Digest } from "#oci";
import type { HealthState } from "./health/healthState.ts";
import type { ContainerConfig } from "./request/containerConfig.ts";
import type { MountPoint } from "./mounts/mountPoint.ts";
import type { HostConfig } from "./request/hostConfig.ts";

/** A process that outlives the daemon; the start time tells it from a later one with its number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** clock ticks since boot */
  readonly startTime: number;
}

/** Where a container is in its life. Times are RFC 3339. */
export interface ContainerState {
  /** `restarting`: it has ended, and its restart policy will start it again; `dead`: its removal failed. */
  readonly status: "created" | "running" | "paused" | "restarting" | "exited" | "removing" | "dead";
  readonly init?: ProcessIdentity;
  readonly monitor?: ProcessIdentity;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Absent without a health check. */
  readonly health?: HealthState;
}

/** What is known of a container, as stored. Everything else (mounts, sockets, waiters) is made anew from it. */
export interface ContainerDocument {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  /** Empty: it was made of nothing. */
  readonly imageId: Digest | "";
  readonly created: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  /** By the restart policy since a person last started it; absent is 0. */
  readonly restartCount?: number;
  /** A person stopped or killed it: `unless-stopped` then leaves it so when the daemon comes back. */
  readonly stoppedByUser?: boolean;
  readonly mountPoints: readonly MountPoint[];
  /** Its creation has not ended: after a crash it is taken away. */
  readonly unfinished?: true;
  readonly state: ContainerState;
}

/** The zero time of Go, which Docker shows for "never". */
export const NEVER = "0001-01-01T00:00:00Z";

export const INITIAL_STATE: ContainerState = {
  status: "created",
  exitCode: 0,
  error: "",
  oomKilled: false,
  startedAt: NEVER,
  finishedAt: NEVER,
};

/** Now, RFC 3339. */
export function timestamp(): string {
  return new Date().toISOString();
}

/** @throws {data_loss} when the text is no document of ours. */
export function parseDocument(text: string): ContainerDocument {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null && Reflect.get(value, "version") === 1) {
    // Documents of before there were mounts lack them.
    return { mountPoints: [], ...(value as Partial<ContainerDocument>) } as ContainerDocument;
  }
  throw new EngineError("data_loss", ErrorCode.METADATA_CORRUPT, "a container's record is of an unknown version");
}
