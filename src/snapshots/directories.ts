import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { LayerDirectory } from "./driver.ts";
import { fromNodeError, listMounts, unmount } from "#host";

/** As Docker's overlay2: long enough to be unique, short enough for a page of mount options. */
const LINK_LENGTH = 26;
const LINK_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ID_BYTES = 32;
const LINKS = "l";
const SHARED_MODE = 0o711;

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

  /** Makes the directories of a snapshot; `lowers` are the ids below it, top first. Completes what is there in part. */
  create(id: string, lowers: readonly string[]): void {
    mkdirSync(join(this.root, id), { recursive: true, mode: SHARED_MODE });
    for (const part of ["diff", "work", "merged"] as const) mkdirSync(this.at(id, part), { recursive: true });
    const link = newLink();
    symlinkSync(join("..", id, "diff"), join(this.root, LINKS, link));
    writeFileSync(this.at(id, "link"), link);
    this.#links.set(id, link);
    this.stackOn(id, lowers);
  }

  /** Writes what a snapshot stands on, ids top first, for people to read: mounts go by the records. */
  stackOn(id: string, lowers: readonly string[]): void {
    if (lowers.length === 0) return;
    writeFileSync(this.at(id, "lower"), lowers.map((lower) => join(LINKS, this.#linkOf(lower))).join(":"));
  }

  /** A power cut may leave the directory, and `link` empty. */
  exists(id: string): boolean {
    return this.#findLink(id) !== undefined;
  }

  /** Directory names that could be snapshots. */
  ids(): readonly string[] {
    return readdirSync(this.root).filter((name) => name !== LINKS);
  }

  /** Unmounts whatever is mounted within, then removes everything. Idempotent. */
  async remove(id: string): Promise<void> {
    const mounts = await listMounts(join(this.root, id));
    for (const { target } of mounts.toReversed()) await unmount(target, { lazy: true });
    const link = this.#findLink(id);
    this.#links.delete(id);
    if (link !== undefined) await rm(join(this.root, LINKS, link), { force: true });
    await rm(join(this.root, id), { recursive: true, force: true }).catch((error: unknown) => {
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

/** The directory of a top's init layer; it has no record of its own. */
export function initOf(id: string): string {
  return `${id}-init`;
}

function newLink(): string {
  return Array.from(randomBytes(LINK_LENGTH), (byte) => LINK_ALPHABET[byte % LINK_ALPHABET.length]).join("");
}
