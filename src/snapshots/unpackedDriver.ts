import { mkdirSync, renameSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { LayerStore } from "#layers";
import type { SnapshotDirectories } from "./directories.ts";
import type { CommittedLayer, LayerDirectory, LayerDriver } from "./driver.ts";
import type { FixupStore } from "./fixupStore.ts";
import type { PreparedMarks } from "./preparedMarks.ts";
import { UnpackWorker } from "./unpackWorker.ts";

export interface UnpackedDriverOptions {
  readonly directories: SnapshotDirectories;
  readonly layers: LayerStore;
  readonly fixups: FixupStore;
  readonly marks: PreparedMarks;
}

/** Layers are written out into `diff`, as Docker's overlay2 does: for kernels without EROFS and hosts without its mounts. */
export class UnpackedDriver implements LayerDriver {
  readonly name = "overlay2";
  readonly backend = "unpacked";
  readonly #directories: SnapshotDirectories;
  readonly #layers: LayerStore;
  readonly #fixups: FixupStore;
  readonly #marks: PreparedMarks;
  readonly #worker = new UnpackWorker();

  constructor(options: UnpackedDriverOptions) {
    this.#directories = options.directories;
    this.#layers = options.layers;
    this.#fixups = options.fixups;
    this.#marks = options.marks;
  }

  async prepare(layer: CommittedLayer, signal?: AbortSignal): Promise<void> {
    if (this.#marks.has(layer.id)) return;
    const diff = this.#directories.at(layer.id, "diff");
    const unpacking = `${diff}.unpacking`;
    await rm(unpacking, { recursive: true, force: true });
    mkdirSync(unpacking, { mode: 0o755 });
    const fixup = await this.#fixups.write(layer);
    const sources = [this.#layers.path(layer.diffId), ...(fixup === undefined ? [] : [fixup.path])];
    await this.#worker.run({ sources, target: unpacking, ghosts: [...(fixup?.ghosts ?? [])] }, signal);
    await this.#fixups.remove(layer.id);
    rmSync(diff, { recursive: true, force: true });
    renameSync(unpacking, diff);
    this.#marks.put(layer.id, true);
  }

  async attach(layer: CommittedLayer): Promise<readonly LayerDirectory[]> {
    await this.prepare(layer);
    return [this.#directories.layerDirectory(layer.id)];
  }

  detach(id: string): Promise<void> {
    this.#marks.forget(id);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#marks[Symbol.dispose]();
    await this.#worker[Symbol.asyncDispose]();
  }
}
