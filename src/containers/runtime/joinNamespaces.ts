import { existsSync } from "node:fs";
import { EngineError, ErrorCode } from "#errors";
import type { Container } from "../container.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import { containerOf } from "../request/hostModes.ts";
import type { HostConfig } from "../request/hostConfig.ts";
import type { JoinedNamespaces } from "../spec/namespaces.ts";
import type { Layout } from "./paths.ts";
import { openSharedMemory } from "./sharedMemory.ts";

/** What a container shares with others, found at its start. */
export interface Shared {
  readonly joined: JoinedNamespaces;
  /** The host's directory to show as /dev/shm; absent: one of the container's own, or the host's. */
  readonly sharedMemory?: string;
}

function refuse(kind: string, id: string, why: string): EngineError {
  const message = `failed to join ${kind} namespace: container ${id}${why}`;
  return new EngineError("failed_precondition", ErrorCode.CONTAINER_STATE, message);
}

/** Process 1 of the container that a mode names. @throws {failed_precondition} in Docker's words when it does not run */
function processOf(
  mode: string,
  kind: string,
  index: ContainerIndex,
): { readonly donor: Container; readonly pid: number } | undefined {
  const reference = containerOf(mode);
  if (reference === undefined) return undefined;
  if (reference === "") {
    const message = `failed to join ${kind} namespace: invalid name or ID supplied: ""`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  const donor = index.get(reference);
  const pid = donor.state.init?.pid;
  if (!donor.isRunning || pid === undefined) throw refuse(kind, donor.id, " is not running");
  return { donor, pid };
}

/** Namespaces of other containers, and the memory that goes with an IPC namespace. @throws in Docker's words */
export async function joinNamespaces(
  { id, hostConfig }: { readonly id: string; readonly hostConfig: HostConfig },
  index: ContainerIndex,
  layout: Layout,
): Promise<Shared> {
  const pid = processOf(hostConfig.PidMode, "PID", index);
  const ipc = processOf(hostConfig.IpcMode, "IPC", index);
  const donated = ipc === undefined ? undefined : layout.sharedMemory(ipc.donor.id);
  if (ipc !== undefined && donated !== undefined && !existsSync(donated)) {
    throw refuse("IPC", ipc.donor.id, ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)");
  }
  const sharedMemory = donated ?? (await openSharedMemory(layout.sharedMemory(id), hostConfig));
  return {
    joined: {
      ...(pid === undefined ? {} : { pid: `/proc/${pid.pid}/ns/pid` }),
      ...(ipc === undefined ? {} : { ipc: `/proc/${ipc.pid}/ns/ipc` }),
    },
    ...(sharedMemory === undefined ? {} : { sharedMemory }),
  };
}
