import type { Filters } from "#engineapi";

/** How to stop. */
export interface StopOptions {
  /** Seconds until SIGKILL; default: the container's own, else 10; negative: never. */
  readonly timeoutSeconds?: number;
  /** In place of the container's stop signal. */
  readonly signal?: string;
}

/**
 * What a person does to a container that exists. `reference` as in {@link ContainerService}; errors are Docker's words.
 * Every method with a reference throws {not_found} CONTAINER_NOT_FOUND.
 */
export interface ContainerControl {
  /** Sends a signal (`SIGTERM`, `TERM`, `15`) to process 1. @throws {conflict} CONTAINER_STATE when it does not run, {invalid_argument} for no signal */
  kill(reference: string, signal: string): Promise<void>;
  /** The stop signal, then SIGKILL; resolves when the end is recorded. @throws {not_modified} when it does not run */
  stop(reference: string, options?: StopOptions): Promise<void>;
  /** Stops it, if it runs, and starts it. */
  restart(reference: string, options?: StopOptions): Promise<void>;
  /** Freezes every process. @throws {conflict} CONTAINER_STATE unless it runs */
  pause(reference: string): Promise<void>;
  /** @throws {internal} unless it is paused, as Docker */
  unpause(reference: string): Promise<void>;
  /** @throws {conflict} CONTAINER_NAME_IN_USE, {invalid_argument} */
  rename(reference: string, name: string): Promise<void>;
  /** Body of `POST /containers/{id}/update`: limits and restart policy, at once and for later starts. */
  update(reference: string, request: unknown): Promise<{ readonly Warnings: readonly string[] | null }>;
  /** Removes what does not run. Filters: `until`, `label`, `label!`. @throws {invalid_argument} INVALID_FILTER */
  prune(filters: Filters): Promise<{
    readonly ContainersDeleted: readonly string[] | null;
    /** bytes */
    readonly SpaceReclaimed: number;
  }>;
}
