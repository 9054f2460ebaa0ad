import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isConflict } from "#errors";
import { bindMount, isAtLeast, kernelRelease, listMounts, mountOverlay, unmount } from "#host";
import type { SnapshotDirectories } from "./directories.ts";
import type { LayerDirectory } from "./driver.ts";
import type { StackPlace } from "./snapshotter.ts";

/** What stands at `merged`. */
export interface Rootfs {
  readonly id: string;
  readonly lowers: readonly LayerDirectory[];
  /** `writable`: changes go to `diff`; `volatile`: and are never flushed. `ownRoot`: read-only, `diff` being the topmost lower. `none`: the lowers alone. */
  readonly top: "writable" | "volatile" | "ownRoot" | "none";
}

/**
 * A volatile mount leaves this in its work directory, and overlayfs refuses the next mount: after a power cut the upper may
 * be torn. Within a boot it is whole, and after one the container of a volatile top is gone.
 */
const VOLATILE_MARK = "work/incompat/volatile";
/** Linux 5.10 has the overlay option. */
const FIRST_VOLATILE = { major: 5, minor: 10 } as const;

function isWritable(top: Rootfs["top"]): boolean {
  return top === "writable" || top === "volatile";
}

function unflushed(): Readonly<Record<string, string>> {
  return isAtLeast(kernelRelease(), FIRST_VOLATILE) ? { volatile: "" } : {};
}

/** Mounts at `overlay2/<id>/merged`. */
export class Mounter {
  readonly #directories: SnapshotDirectories;
  readonly #mounted: Set<string>;

  /** `mounted`: ids that an earlier process left mounted. */
  constructor(directories: SnapshotDirectories, mounted: ReadonlySet<string>) {
    this.#directories = directories;
    this.#mounted = new Set(mounted);
  }

  isMounted(id: string): boolean {
    return this.#mounted.has(id);
  }

  /** Idempotent; mounts again what a hand unmounted. Returns the path. */
  async mount({ id, lowers, top }: Rootfs): Promise<string> {
    const target = this.#directories.at(id, "merged");
    if (this.#mounted.has(id) && (lowers.length === 0 || this.#isForeign(target))) return target;
    const upper = this.#directories.at(id, "diff");
    const base = this.#directories.root;
    const shorts = lowers.map(({ short }) => short);
    const work = this.#directories.at(id, "work");
    // Without layers there is nothing to stack; overlayfs would want a lower.
    if (lowers.length === 0) await bindMount({ source: upper, target, readOnly: !isWritable(top) });
    else if (isWritable(top)) {
      rmSync(join(work, VOLATILE_MARK), { recursive: true, force: true });
      await mountOverlay({ lowers: shorts, base, upper, work, target, options: top === "volatile" ? unflushed() : {} });
    } else await mountOverlay({ lowers: top === "ownRoot" ? [upper, ...shorts] : shorts, base, target });
    this.#mounted.add(id);
    return target;
  }

  /** Lowers as short names or absolute paths, top first; forgotten at once. */
  async mountAt(lowers: readonly string[], { upper, work, target, access }: Omit<StackPlace, "ground">): Promise<void> {
    const base = this.#directories.root;
    if (lowers.length === 0) await bindMount({ source: upper, target, readOnly: access === "readOnly" });
    else if (access === "readOnly") await mountOverlay({ lowers: [upper, ...lowers], base, target });
    else await mountOverlay({ lowers, base, upper, work, target, options: unflushed() });
  }

  /** Idempotent. What still has files open there keeps them until it closes them. */
  async unmount(id: string): Promise<void> {
    if (!this.#mounted.has(id)) return;
    await unmountSurely(this.#directories.at(id, "merged"));
    this.#mounted.delete(id);
  }

  /** Unmounts everything below the directories but the rootfs of these ids. */
  async unmountAll(kept: ReadonlySet<string>): Promise<void> {
    const stay = new Set([...kept].map((id) => this.#directories.at(id, "merged")));
    const mounts = await listMounts(this.#directories.root);
    for (const { target } of mounts.toReversed()) if (!stay.has(target)) await unmountSurely(target);
    this.#mounted.clear();
  }

  #isForeign(target: string): boolean {
    return statSync(target).dev !== statSync(this.#directories.root).dev;
  }
}

/** A busy mount is detached: overlays hold their own reference to what they stand on. */
export async function unmountSurely(target: string): Promise<void> {
  await unmount(target).catch(async (error: unknown) => {
    if (!isConflict(error)) throw error;
    await unmount(target, { lazy: true });
  });
}
