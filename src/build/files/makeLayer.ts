import { baseNameOf, fromDisplayPath, parentOf } from "#tar";
import type { CopyAction, MakeDirectory, MakeFile, MakeSymlink, Remove } from "../graph/operation.ts";
import { CopyPlacer, destinationOf } from "./applyCopy.ts";
import type { CopyRules } from "./applyCopy.ts";
import { writeDraftTar } from "./draftTar.ts";
import type { PutBytes } from "./draftTar.ts";
import { parseModeChange } from "./fileMode.ts";
import type { FileTask, OpenTrees, TaskSources } from "./fileTask.ts";
import { LayerDraft, refused } from "./layerDraft.ts";
import { openArchive } from "./openArchive.ts";
import { findOwner } from "./owner.ts";
import { unpackArchive } from "./unpackArchive.ts";

/**
 * Time of what a build makes out of nothing (directories, heredocs), unless SOURCE_DATE_EPOCH says another: a fixed one, so
 * that the same step gives the same layer. Not 1970, which zip and Python cannot write in any time zone.
 */
const MADE_AT = Date.UTC(1980, 1, 1) / 1000;
const NEW_FILE_MODE = 0o644;

/** Does a file operation: the tar of the layer that it makes goes to `put`. Archives that ADD unpacks are laid down in `spoolDirectory`. */
export async function makeLayer(
  { operation, spoolDirectory }: Pick<FileTask, "operation" | "spoolDirectory">,
  sources: TaskSources,
  put: PutBytes,
): Promise<void> {
  const madeAt = operation.epoch ?? MADE_AT;
  const { trees } = sources;
  const base = operation.link ? undefined : trees.find(0);
  const draft = new LayerDraft(base, madeAt);
  using held = new DisposableStack();
  const step: LayerStep = { draft, trees, sources, madeAt, spoolDirectory, held };
  for (const [index, action] of operation.actions.entries()) {
    if (action.action === "copy") await copy(step, index, action);
    else if (action.action === "makeFile") makeFile(step, action);
    else if (action.action === "makeDirectory") makeDirectory(step, action);
    else if (action.action === "makeSymlink") makeSymlink(step, action);
    else remove(step, action);
  }
  writeDraftTar(draft, put);
}

interface LayerStep {
  readonly draft: LayerDraft;
  readonly trees: OpenTrees;
  readonly sources: TaskSources;
  readonly madeAt: number;
  readonly spoolDirectory: string;
  /** What the draft's contents are read from. */
  readonly held: DisposableStack;
}

function makeDirectory({ draft, trees }: LayerStep, action: MakeDirectory): void {
  const owner = action.owner === undefined ? { uid: 0, gid: 0 } : findOwner(action.owner, trees.find(0));
  draft.makeDirectories(draft.resolve(fromDisplayPath(action.path)), owner, action.mode);
}

function makeSymlink({ draft, trees, madeAt }: LayerStep, action: MakeSymlink): void {
  const owner = action.owner === undefined ? { uid: 0, gid: 0 } : findOwner(action.owner, trees.find(0));
  const path = fromDisplayPath(action.path);
  const parent = draft.makeDirectories(draft.resolve(parentOf(path)), { uid: 0, gid: 0 });
  draft.addLeaf(parent, baseNameOf(path), {
    kind: "leaf",
    type: "symlink",
    attributes: { ...owner, mode: 0o777, mtimeSeconds: madeAt, xattrs: undefined },
    content: undefined,
    target: Buffer.from(action.target).toString("latin1"),
    deviceMajor: 0,
    deviceMinor: 0,
  });
}

function remove({ draft }: LayerStep, { path: shown, allowAbsent }: Remove): void {
  const path = fromDisplayPath(shown);
  const parent = draft.find(draft.resolve(parentOf(path)));
  const isThere = parent?.kind === "directory" && draft.child(parent, baseNameOf(path)) !== undefined;
  if (isThere) draft.remove(parent, baseNameOf(path));
  else if (!allowAbsent) throw refused(`lstat ${shown}: no such file or directory`);
}

async function copy(step: LayerStep, index: number, action: CopyAction): Promise<void> {
  const { draft, held, spoolDirectory } = step;
  const tree = step.trees.get(action.input);
  const placer = new CopyPlacer(draft, rulesOf(step, action));
  const destination = destinationOf(action);
  for (const selection of step.sources.select(index, action)) {
    const archive = action.unpack ? await openArchive(tree, selection.top, spoolDirectory) : undefined;
    if (archive === undefined) placer.place(tree, selection, { ...destination, keepsName: action.keepsName === true });
    else unpackArchive(draft, placer.makeRoot(destination), held.use(archive));
  }
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
  };
}
