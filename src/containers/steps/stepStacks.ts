import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { unmount } from "#host";
import { takeLease } from "#metadata";
import type { ActLease, Metadata } from "#metadata";
import { chainIdOf } from "#oci";
import type { ChainId, DiffId } from "#oci";
import type { Snapshotter, StackMounts } from "#snapshots";
import type { Place } from "./stepSlots.ts";

/** A stack that is mounted. */
export interface StepStack {
  readonly path: string;
  /** Where what is written lands. */
  readonly upper: string;
  /** Idempotent; what was written stays. */
  unmount(): Promise<void>;
}

interface StackCall {
  /** Base first. */
  readonly diffIds: readonly DiffId[];
  readonly access: "volatile" | "readOnly";
  readonly place: Place;
  /** Unmounts it, and lets the stack go. */
  readonly cleanup: AsyncDisposableStack;
}

const ETC_FILES = ["hosts", "resolv.conf"] as const;

/** Stacks of layers, mounted for a step. */
export class StepStacks {
  readonly #snapshots: Snapshotter & StackMounts;
  readonly #metadata: Metadata;
  readonly #ground: string;
  #hasGround = false;

  /** `ground`: a directory for what runtimes mount on, shown where an image has nothing. */
  constructor(snapshots: Snapshotter & StackMounts, metadata: Metadata, ground: string) {
    this.#snapshots = snapshots;
    this.#metadata = metadata;
    this.#ground = ground;
  }

  /** As the root of a step. */
  mountRoot(call: Omit<StackCall, "access">): Promise<StepStack> {
    return this.#mount({ ...call, access: "volatile" }, true);
  }

  /** As what a step sees somewhere in its root. */
  mount(call: StackCall): Promise<StepStack> {
    return this.#mount(call, false);
  }

  async #mount({ diffIds, access, place, cleanup }: StackCall, isRoot: boolean): Promise<StepStack> {
    const lease = cleanup.use(takeLease(this.#metadata, "build step"));
    const top = await this.#commit(diffIds, lease);
    let isMounted = false;
    const leave = async (): Promise<void> => {
      if (!isMounted) return;
      isMounted = false;
      await unmount(place.target, { lazy: true });
    };
    cleanup.defer(leave);
    const ground = isRoot ? { ground: this.#makeGround() } : {};
    await this.#snapshots.mountStack(top, { ...place, access, ...ground });
    isMounted = true;
    return { path: place.target, upper: place.upper, unmount: leave };
  }

  /**
   * The files of /etc that a step sees are mounted on names that most images lack. They lie below all layers: making them in
   * the top would have overlayfs copy /etc, for nothing.
   */
  #makeGround(): string {
    if (this.#hasGround && existsSync(this.#ground)) return this.#ground;
    const fresh = `${this.#ground}.new`;
    mkdirSync(join(fresh, "etc"), { recursive: true, mode: 0o755 });
    for (const name of ETC_FILES) writeFileSync(join(fresh, "etc", name), "", { mode: 0o644 });
    if (!existsSync(this.#ground)) renameSync(fresh, this.#ground);
    this.#hasGround = true;
    return this.#ground;
  }

  /** What of the chain is not there yet. */
  async #commit(diffIds: readonly DiffId[], lease: ActLease): Promise<ChainId | undefined> {
    const top = chainIdOf(diffIds);
    if (top === undefined) return undefined;
    const there = await this.#leaseFound(diffIds, lease);
    let parent = chainIdOf(diffIds.slice(0, there));
    for (const [index, diffId] of diffIds.entries()) {
      if (index < there) continue;
      const name = chainIdOf(diffIds.slice(0, index + 1));
      if (name !== undefined) lease.add({ kind: "snapshot", name });
      parent = await this.#snapshots.commitLayer(diffId, parent);
    }
    return top;
  }

  /** How many layers of the chain are there; they stay. */
  async #leaseFound(diffIds: readonly DiffId[], lease: ActLease): Promise<number> {
    for (let there = diffIds.length; there > 0; there -= 1) {
      const name = chainIdOf(diffIds.slice(0, there));
      if (name === undefined || !(await this.#isThere(name))) continue;
      lease.add({ kind: "snapshot", name });
      // A sweep may have been about to take it.
      if (await this.#isThere(name)) return there;
    }
    return 0;
  }

  async #isThere(name: ChainId): Promise<boolean> {
    return (await this.#snapshots.stat(name)) !== undefined;
  }

  /** Of an earlier daemon. */
  async removeGround(): Promise<void> {
    this.#hasGround = false;
    await rm(this.#ground, { recursive: true, force: true });
  }
}
