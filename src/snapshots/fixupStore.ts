import { existsSync, mkdirSync, readdirSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { LayerStore } from "#layers";
import type { CommittedLayer } from "./driver.ts";
import { infoOf, mayNeedFixup, planFixup } from "./fixup.ts";
import { fixupTar } from "./fixupTar.ts";

/** What came of planning a layer's fixup. */
export interface WrittenFixup {
  /** The fixup's layer file. */
  readonly path: string;
  /** Directories whose whiteouts hide nothing; latin1. */
  readonly ghosts: ReadonlySet<string>;
}

/** Fixup layers, one layer file each: `layers/fixups/<id>`, where id is the snapshot's directory under `overlay2`. */
export class FixupStore {
  readonly root: string;
  readonly #layers: LayerStore;

  constructor(root: string, layers: LayerStore) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    this.root = realpathSync(root);
    this.#layers = layers;
  }

  /** Makes the fixup if the layer needs one over what is below it; replaces an older one. */
  async write(layer: CommittedLayer): Promise<WrittenFixup | undefined> {
    if (!mayNeedFixup(infoOf(this.#layers, layer))) return undefined;
    await using view = await this.#layers.openView([...layer.below, layer.diffId]);
    const plan = await planFixup(this.#layers, layer, view);
    if (plan === undefined) return undefined;
    const path = join(this.root, layer.id);
    await this.#layers.writeLayerFile(path, fixupTar(plan, view));
    return { path, ghosts: plan.ghosts };
  }

  /** The layer file of a fixup that was written. */
  find(id: string): string | undefined {
    const path = join(this.root, id);
    return existsSync(path) ? path : undefined;
  }

  /** Idempotent; also takes what a test mount left (see `chooseDriver`). */
  async remove(id: string): Promise<void> {
    await rm(join(this.root, id), { recursive: true, force: true });
  }

  /** Names of all that lies here. */
  ids(): readonly string[] {
    return readdirSync(this.root);
  }
}
