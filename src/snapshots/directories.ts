import { randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { LayerDirectory } from "./driver.ts";
import { fromNodeError, isErrno, listMounts, unmount } from "#host";

/** As Docker's overlay2: long enough to be unique, short enough for a page of mount options. */
const LINK_LENGTH = 26;
const LINK_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_BYTES = 32;
const LINKS = "l";
const SHARED_MODE = 0o711;
const PARTS = ["diff", "work", "merged"] as const;
/** What may hold more than a handful of files. */
const CONTENTS = new Set(["diff", "diff.unpacking"]);

/**
 * `<data root>/overlay2` as the textbooks show Docker's: `<id>/{diff,link,lower,work,merged}`, and short names
 * `l/<26 letters>` → `../<id>/diff`. All calls are a few system calls on small directories, hence synchronous.
 */
export class SnapshotDirectories {
  readonly root: string;
  readonly #links = new Map<string, string>();

  constructor(root: string) {
    mkdirSync(join(root, LINKS), { recursive: true, mode: SHARED_MODE });
    // The mount table knows real paths only.
    this.root = realpathSync(root);
  }

  static newId(): string {
    return randomBytes(ID_BYTES).toString("hex");
  }

  at(id: string, part: "diff" | "work" | "merged" | "fixup" | "lower" | "link" | "committed"): string {
    return join(this.root, id, part);
  }

  /** `<id>/diff`, and `l/ABC…` as its short name. */
  layerDirectory(id: string): LayerDirectory {
    return { path: this.at(id, "diff"), short: join(LINKS, this.#linkOf(id)) };
  }

  /** `<id>/fixup`, made if it is not there. */
  fixupDirectory(id: string): LayerDirectory {
    const path = this.at(id, "fixup");
    mkdirSync(path, { recursive: true });
    return { path, short: join(id, "fixup") };
  }

  /**
   * Makes the directories of a snapshot; `lowers` are the ids below it, top first, written down for people: mounts go by
   * the records. Completes what is there in part; `exists` only holds after `fill`, which is given `diff`.
   */
  create(id: string, lowers: readonly string[], fill?: (diff: string) => void): void {
    makeDirectory(join(this.root, id), SHARED_MODE);
    for (const part of PARTS) makeDirectory(this.at(id, part));
    fill?.(this.at(id, "diff"));
    const link = newLink();
    symlinkSync(join("..", id, "diff"), join(this.root, LINKS, link));
    if (lowers.length > 0) {
      writeFileSync(this.at(id, "lower"), lowers.map((lower) => join(LINKS, this.#linkOf(lower))).join(":"));
    }
    writeFileSync(this.at(id, "link"), link);
    this.#links.set(id, link);
  }

  /** Lets the snapshot directory `id` be found as `alias` too. */
  alias(alias: string, id: string): void {
    symlinkSync(id, join(this.root, alias));
    this.#links.set(alias, this.#linkOf(id));
  }

  /** A power cut may leave the directory, and `link` empty. */
  exists(id: string): boolean {
    return this.#findLink(id) !== undefined;
  }

  /** Directory names that could be snapshots. */
  ids(): readonly string[] {
    return readdirSync(this.root).filter((name) => name !== LINKS);
  }

  /** Unmounts whatever is mounted within, then removes everything; of an alias only the name. Idempotent. */
  async remove(id: string): Promise<void> {
    const path = join(this.root, id);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink() === true) {
      this.#links.delete(id);
      return unlinkSync(path);
    }
    const link = this.#findLink(id);
    this.#links.delete(id);
    if (link !== undefined) rmSync(join(this.root, LINKS, link), { force: true });
    if (stat === undefined) return;
    const mounts = await listMounts(path);
    for (const { target } of mounts.toReversed()) await unmount(target, { lazy: true });
    await removeDirectory(path).catch((error: unknown) => {
      throw fromNodeError(error);
    });
  }

  /** Removes short names that lead to no snapshot of `ids`. */
  async sweepLinks(ids: ReadonlySet<string>): Promise<void> {
    for (const link of readdirSync(join(this.root, LINKS))) {
      const path = join(this.root, LINKS, link);
      if (!ids.has(basename(dirname(readlinkSync(path))))) await rm(path);
    }
  }

  #linkOf(id: string): string {
    const link = this.#findLink(id);
    if (link === undefined) throw new Error(`snapshot directory ${id} has no link file`);
    return link;
  }

  #findLink(id: string): string | undefined {
    const known = this.#links.get(id);
    if (known !== undefined) return known;
    const file = this.at(id, "link");
    const link = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
    if (link.length !== LINK_LENGTH) return undefined;
    this.#links.set(id, link);
    return link;
  }
}

/** The name of a top's init layer; it has no record of its own. */
export function initOf(id: string): string {
  return `${id}-init`;
}

/** Much cheaper than a recursive `mkdir`. */
function makeDirectory(path: string, mode?: number): void {
  try {
    mkdirSync(path, mode);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

/** What a snapshot has besides its content goes at once: a walk through libuv's pool costs ten times as much. */
async function removeDirectory(path: string): Promise<void> {
  for (const part of readdirSync(path)) if (CONTENTS.has(part)) await removeContent(join(path, part));
  rmSync(path, { recursive: true, force: true });
}

async function removeContent(path: string): Promise<void> {
  try {
    rmdirSync(path);
  } catch {
    await rm(path, { recursive: true, force: true });
  }
}

function newLink(): string {
  return Array.from(randomBytes(LINK_LENGTH), (byte) => LINK_ALPHABET[byte % LINK_ALPHABET.length]).join("");
}
