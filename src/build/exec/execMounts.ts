import type { StepMount } from "#containers";
import { copyUp } from "#containers";
import { EngineError, ErrorCode, isNotFound } from "#errors";
import type { LayerReads } from "#layers";
import type { DiffId } from "#oci";
import { fromDisplayPath } from "#tar";
import type { OperationHandler, Step } from "../graph/handler.ts";
import type { ExecMount, ExecOperation, FileOperation, Filesystem } from "../graph/operation.ts";
import { contextLayer, isPlain } from "./contextLayer.ts";
import type { CacheMounts } from "./cacheMounts.ts";

/** What a step's mounts are opened with. */
export interface MountOptions {
  readonly layers: LayerReads;
  readonly cacheMounts: CacheMounts;
  /** Makes layers of contexts. */
  readonly file: OperationHandler<FileOperation>;
}

/** Mounts of a step, held until it has ended. */
export interface OpenMounts extends AsyncDisposable {
  readonly ready: { readonly mounts: readonly StepMount[]; readonly environment: readonly string[] };
}

type OfType<T extends ExecMount["type"]> = Extract<ExecMount, { readonly type: T }>;

interface Opening {
  readonly options: MountOptions;
  readonly step: Step<ExecOperation>;
  readonly held: AsyncDisposableStack;
  readonly mounts: StepMount[];
  readonly environment: string[];
}

/** @throws {not_found} `secret x: not found`, and what a session says of an agent that is not there */
export async function openMounts(options: MountOptions, step: Step<ExecOperation>): Promise<OpenMounts> {
  await using held = new AsyncDisposableStack();
  const opening: Opening = { options, step, held, mounts: [], environment: [...agentVariable(step.operation)] };
  for (const mount of step.operation.mounts) await openOne(mount, opening);
  const owned = held.move();
  const { mounts, environment } = opening;
  return { ready: { mounts, environment }, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Programs find the first agent by it, be it there or not. */
function agentVariable({ mounts }: ExecOperation): readonly string[] {
  const first = mounts.find(({ type }) => type === "ssh");
  return first === undefined ? [] : [`SSH_AUTH_SOCK=${first.target}`];
}

async function openOne(mount: ExecMount, opening: Opening): Promise<void> {
  switch (mount.type) {
    case "bind":
      opening.mounts.push(await bindOf(mount, opening));
      return;
    case "cache":
      return openCache(mount, opening);
    case "tmpfs":
      opening.mounts.push({ kind: "tmpfs", target: mount.target, size: mount.size });
      return;
    case "secret":
      return openSecret(mount, opening);
    case "ssh":
      return openAgent(mount, opening);
  }
}

function inputOf({ inputs }: Step<ExecOperation>, index: number): Filesystem {
  const input = inputs[index];
  if (input === undefined) throw new Error(`a mount names input ${index}, which is not there`);
  return input;
}

async function bindOf(
  { source, target, readWrite, input }: OfType<"bind">,
  { options, step }: Opening,
): Promise<StepMount> {
  const place = { path: source, target, readOnly: !readWrite };
  const filesystem = inputOf(step, input);
  if (filesystem.kind === "layers") return { kind: "layers", diffIds: filesystem.diffIds, ...place };
  const { directory } = filesystem;
  if (isPlain(directory)) return { kind: "directory", directory: directory.path, ...place };
  const diffIds = await contextLayer(options.file, step, { directory, path: source });
  return { kind: "layers", diffIds, ...place };
}

async function openCache(mount: OfType<"cache">, { options, step, held, mounts }: Opening): Promise<void> {
  const { id, sharing, source, target, readOnly, mode, uid, gid } = mount;
  const input = mount.input === undefined ? undefined : inputOf(step, mount.input);
  const seed = input?.kind === "layers" ? input.diffIds : undefined;
  const words = step.operation.arguments.join(" ");
  const cache = await options.cacheMounts.open({
    id,
    sharing,
    seed,
    mode,
    uid,
    gid,
    description: `cached mount ${target} from exec ${words} with id ${JSON.stringify(id)}`,
    signal: step.signal,
    fill: async (path) => {
      if (seed !== undefined) await fillFrom(options.layers, { diffIds: seed, source, path });
    },
  });
  held.use(cache);
  mounts.push({ kind: "host", source: cache.path, target, readOnly });
}

interface Fill {
  readonly diffIds: readonly DiffId[];
  readonly source: string;
  readonly path: string;
}

async function fillFrom(layers: LayerReads, { diffIds, source, path }: Fill): Promise<void> {
  if (diffIds.length === 0) return;
  await using view = await layers.openView(diffIds);
  const entry = view.lookup(fromDisplayPath(source), { follow: true });
  if (entry === undefined) {
    throw new EngineError("not_found", ErrorCode.STEP_FAILED, `open ${source}: no such file or directory`);
  }
  await copyUp(view, entry, path);
}

async function openSecret(mount: OfType<"secret">, { step, mounts, environment }: Opening): Promise<void> {
  const { id, required, mode, uid, gid, target } = mount;
  let bytes: Uint8Array;
  try {
    bytes = await step.session.secret(id);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (!required) return;
    throw new EngineError("not_found", ErrorCode.STEP_FAILED, `secret ${id}: not found`, { cause: error });
  }
  if (mount.environment !== undefined) environment.push(`${mount.environment}=${Buffer.from(bytes).toString()}`);
  if (target !== undefined) mounts.push({ kind: "content", bytes, target, mode, uid, gid });
}

async function openAgent(mount: OfType<"ssh">, { step, mounts }: Opening): Promise<void> {
  const { id, required, mode, uid, gid, target } = mount;
  const connect = step.session.connectSshAgent.bind(step.session, id);
  try {
    (await connect()).destroy();
  } catch (error) {
    if (required || step.signal.aborted) throw error;
    return; // whatever the client says: the command has to do without
  }
  mounts.push({ kind: "socket", connect, target, mode, uid, gid });
}
