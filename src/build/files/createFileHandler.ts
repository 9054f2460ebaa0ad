import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import type { LayerIngests, LayerReads } from "#layers";
import { chainIdOf, digestOf } from "#oci";
import type { DiffId } from "#oci";
import type { KeyInputs, OperationHandler, Step } from "../graph/handler.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { FileAction, FileOperation, Filesystem } from "../graph/operation.ts";
import type { FileTask, TreeLocation } from "./fileTask.ts";
import type { FileWorkers } from "./fileWorkers.ts";
import { withKeyContext } from "./missingSource.ts";
import { locateFilesystem } from "./locate.ts";
import type { Places } from "./locate.ts";

export interface FileHandlerDependencies {
  readonly layers: Pick<LayerReads, "get" | "path"> & Pick<LayerIngests, "ingestTar">;
  readonly workers: FileWorkers;
  readonly dataRoot: string;
}

/** Longer texts stand in a key as their digest. */
const MAX_VALUE_CHARACTERS = 400;

/** COPY, ADD, WORKDIR, heredocs: from the source straight into a new layer's tar, with no mount and no container. */
export function createFileHandler(dependencies: FileHandlerDependencies): OperationHandler<FileOperation> {
  return {
    keyInputs: (step) => keyInputs(dependencies, step),
    run: (step) => run(dependencies, step),
  };
}

/** Of vertices whose key was made: the thread that made it has their sources at hand. */
interface KeyMade {
  readonly token: string;
  readonly digests: readonly string[];
}

const keysMade = new WeakMap<Vertex, KeyMade>();

async function keyInputs(
  { workers, ...dependencies }: FileHandlerDependencies,
  step: Step<FileOperation>,
): Promise<KeyInputs> {
  const { operation, signal } = step;
  const values: Record<string, string> = {};
  operation.actions.forEach((action, index) => {
    values[index === 0 ? "instruction" : `instruction ${index + 1}`] = describeAction(action);
  });
  if (operation.epoch !== undefined) values["SOURCE_DATE_EPOCH"] = String(operation.epoch);
  if (operation.link) values["link"] = "true";
  else values["base"] = describeStack(stackOf(step.inputs[0]));
  if (!operation.actions.some(({ action }) => action === "copy")) return { values };
  const task: FileTask = {
    operation,
    inputs: locate(dependencies, step, sourcesOf(operation)),
    spoolDirectory: spoolOf(dependencies),
  };
  const token = randomUUID();
  const { digests, files } = await workers
    .run({ kind: "digest", task, token }, { signal, affinity: step.vertex })
    .catch((error: unknown) => {
      throw withKeyContext(error);
    });
  keysMade.set(step.vertex, { token, digests });
  digests.forEach((digest, index) => {
    if (digest !== "") values[index === 0 ? "files" : `files ${index + 1}`] = `sha256:${digest}`;
  });
  return { values, files };
}

async function run(
  { layers, workers, dataRoot }: FileHandlerDependencies,
  step: Step<FileOperation>,
): Promise<Filesystem> {
  const { operation, signal } = step;
  checkOwners(operation, stackOf(step.inputs[0]));
  const located = locate({ layers, dataRoot }, step, new Set([...sourcesOf(operation), 0]));
  const { takesChanges } = step;
  const inputs = takesChanges === true ? located.map(asItIs) : located;
  // What was read for the key is not what is there now.
  const key = takesChanges === true ? undefined : keysMade.get(step.vertex);
  await using writer = await layers.ingestTar({ signal, onVerified: (diffId) => step.lease.keepLayer(diffId) });
  const task = { operation, inputs, spoolDirectory: spoolOf({ dataRoot }) };
  const { token, digests } = key ?? { token: undefined, digests: [] };
  await writer.feed((feed) =>
    workers.run({ kind: "make", token, digests, feed, task }, { signal, affinity: step.vertex }),
  );
  const { layer } = await writer.commit();
  return { kind: "layers", diffIds: [...stackOf(step.inputs[0]), layer.diffId] };
}

/** An empty root has no account file to look names up in; BuildKit's words. */
function checkOwners({ actions, link }: FileOperation, base: readonly DiffId[]): void {
  if (link || base.length > 0) return;
  const isNamed = actions.some(({ owner = "" }) => owner.split(":").some((part) => /\D/.test(part)));
  if (isNamed) throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "invalid user index: -1");
}

function asItIs(tree: TreeLocation | undefined): TreeLocation | undefined {
  return tree?.kind === "disk" ? { ...tree, takesChanges: true } : tree;
}

function spoolOf({ dataRoot }: Pick<FileHandlerDependencies, "dataRoot">): string {
  return join(dataRoot, "buildkit", "spool");
}

function describeAction(action: FileAction): string {
  // Which input it is says nothing: what it holds is in the digest of the files.
  const fields = Object.keys(action).filter((name) => name !== "input");
  const text = JSON.stringify(action, fields.sort());
  return text.length > MAX_VALUE_CHARACTERS ? digestOf(text) : text;
}

function describeStack(diffIds: readonly DiffId[]): string {
  return chainIdOf(diffIds) ?? "scratch";
}

function sourcesOf(operation: FileOperation): Set<number> {
  return new Set(operation.actions.flatMap((action) => (action.action === "copy" ? [action.input] : [])));
}

function locate(places: Places, step: Step<FileOperation>, wanted: ReadonlySet<number>): (TreeLocation | undefined)[] {
  return step.inputs.map((input, index) => (wanted.has(index) ? locateFilesystem(places, input) : undefined));
}

function stackOf(filesystem: Filesystem | undefined): readonly DiffId[] {
  if (filesystem?.kind === "layers") return filesystem.diffIds;
  throw new TypeError("the base of a file operation is a stack of layers");
}
