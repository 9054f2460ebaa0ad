import { statSync } from "node:fs";
import { mountErofs, mountErofsLoop } from "#host";
import type { LayerStore } from "#layers";
import type { SnapshotDirectories } from "./directories.ts";
import type { CommittedLayer, LayerDirectory, LayerDriver } from "./driver.ts";
import type { FixupStore } from "./fixupStore.ts";
import { unmountSurely } from "./mounter.ts";
import type { PreparedMarks } from "./preparedMarks.ts";

export interface ErofsDriverOptions {
  readonly backend: "file" | "loop";
  readonly directories: SnapshotDirectories;
  readonly layers: LayerStore;
  readonly fixups: FixupStore;
  readonly marks: PreparedMarks;
}

/** Layers stay in their layer files and are mounted at `diff`; a fixup is mounted at `fixup`, above it. */
export class ErofsDriver implements LayerDriver {
  readonly name = "erofs";
  readonly backend: "file" | "loop";
  readonly #directories: SnapshotDirectories;
  readonly #layers: LayerStore;
  readonly #fixups: FixupStore;
  readonly #marks: PreparedMarks;

  constructor(options: ErofsDriverOptions) {
    this.backend = options.backend;
    this.#directories = options.directories;
    this.#layers = options.layers;
    this.#fixups = options.fixups;
    this.#marks = options.marks;
  }

  async prepare(layer: CommittedLayer): Promise<void> {
    if (this.#marks.has(layer.id)) return;
    const fixup = await this.#fixups.write(layer);
    this.#marks.put(layer.id, fixup !== undefined);
  }

  async attach(layer: CommittedLayer): Promise<readonly LayerDirectory[]> {
    await this.prepare(layer);
    await this.#mount(this.#layers.path(layer.diffId), this.#directories.at(layer.id, "diff"));
    const diff = this.#directories.layerDirectory(layer.id);
    const fixup = this.#fixups.find(layer.id);
    if (fixup === undefined) return [diff];
    const above = this.#directories.fixupDirectory(layer.id);
    await this.#mount(fixup, above.path);
    return [above, diff];
  }

  async detach(id: string): Promise<void> {
    this.#marks.forget(id);
    for (const part of ["fixup", "diff"] as const) {
      const target = this.#directories.at(id, part);
      if (this.#isMounted(target)) await unmountSurely(target);
    }
  }

  close(): Promise<void> {
    this.#marks[Symbol.dispose]();
    return Promise.resolve();
  }

  async #mount(source: string, target: string): Promise<void> {
    if (this.#isMounted(target)) return;
    await (this.backend === "file" ? mountErofs : mountErofsLoop)({ source, target });
  }

  /** By device number rather than from memory: mounts outlive a killed daemon, and a hand may have unmounted one. */
  #isMounted(target: string): boolean {
    const stat = statSync(target, { throwIfNoEntry: false });
    return stat !== undefined && stat.dev !== statSync(this.#directories.root).dev;
  }
}
