import { fromDisplayPath } from "#tar";
import type { CopyAction, FileAction, FileOperation, MakeFile } from "../graph/operation.ts";
import { CopyPlacer, destinationOf } from "./applyCopy.ts";
import type { CopyRules } from "./applyCopy.ts";
import { writeDraftTar } from "./draftTar.ts";
import { parseModeChange } from "./fileMode.ts";
import type { OpenTrees } from "./fileTask.ts";
import { LayerDraft } from "./layerDraft.ts";
import { findOwner } from "./owner.ts";
import { selectEntries } from "./selectEntries.ts";

/**
 * Time of what a build makes out of nothing (directories, heredocs), unless SOURCE_DATE_EPOCH says another: a fixed one, so
 * that the same step gives the same layer. Not 1970, which zip and Python cannot write in any time zone.
 */
const MADE_AT = Date.UTC(1980, 1, 1) / 1000;
const NEW_FILE_MODE = 0o644;

/** Does a file operation: the tar of the layer that it makes goes to `emit`. */
export function makeLayer(
  operation: FileOperation,
  trees: OpenTrees,
  emit: (chunk: Uint8Array<ArrayBuffer>) => void,
): void {
  const madeAt = operation.epoch ?? MADE_AT;
  const base = operation.link ? undefined : trees.find(0);
  const draft = new LayerDraft(base, madeAt);
  const step: LayerStep = { draft, trees, madeAt, epoch: operation.epoch };
  for (const action of operation.actions) perform(step, action);
  writeDraftTar(draft, emit);
}

interface LayerStep {
  readonly draft: LayerDraft;
  readonly trees: OpenTrees;
  readonly madeAt: number;
  readonly epoch: number | undefined;
}

function perform(step: LayerStep, action: FileAction): void {
  switch (action.action) {
    case "copy":
      return copy(step, action);
    case "makeFile":
      return makeFile(step, action);
    case "makeDirectory": {
      const owner = action.owner === undefined ? { uid: 0, gid: 0 } : findOwner(action.owner, step.trees.find(0));
      step.draft.makeDirectories(step.draft.resolve(fromDisplayPath(action.path)), owner, action.mode);
    }
  }
}

function copy(step: LayerStep, action: CopyAction): void {
  const tree = step.trees.get(action.input);
  const placer = new CopyPlacer(step.draft, rulesOf(step, action));
  for (const selection of selectEntries(tree, action)) placer.place(tree, selection, destinationOf(action));
}

function makeFile(step: LayerStep, action: MakeFile): void {
  const rules = rulesOf(step, { ...action, keepOwner: false });
  const placer = new CopyPlacer(step.draft, rules);
  const { parent, name } = placer.placeOf(fromDisplayPath(action.name), destinationOf(action));
  const data = Buffer.from(action.data, "utf8");
  step.draft.addLeaf(parent, name, {
    kind: "leaf",
    type: "file",
    attributes: {
      uid: rules.owner?.uid ?? 0,
      gid: rules.owner?.gid ?? 0,
      mode: rules.mode?.(NEW_FILE_MODE, false) ?? NEW_FILE_MODE,
      mtimeSeconds: step.madeAt,
      xattrs: undefined,
    },
    content: { size: data.length, read: (use) => use(data) },
    target: "",
    deviceMajor: 0,
    deviceMinor: 0,
  });
}

function rulesOf(step: LayerStep, action: Pick<CopyAction, "owner" | "mode" | "keepOwner">): CopyRules {
  return {
    owner: action.owner === undefined ? undefined : findOwner(action.owner, step.trees.find(0)),
    keepOwner: action.keepOwner,
    mode: action.mode === undefined ? undefined : parseModeChange(action.mode),
    mtimeSeconds: step.epoch,
  };
}
