import type { ActLease } from "#metadata";
import type { DiffId } from "#oci";
import { readTarStream, writeTarStream } from "#tar";
import type { TarMember, TarMemberSource } from "#tar";
import type { BuiltTarget } from "../buildService.ts";
import type { StepProgress } from "../graph/handler.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import { shown } from "./shown.ts";

interface Rewriting {
  readonly rooms: ExporterRooms;
  readonly lease: ActLease;
  readonly progress: StepProgress;
  readonly signal: AbortSignal;
}

/**
 * `rewrite-timestamp`: the build's own layers anew, no file later than SOURCE_DATE_EPOCH, so that the same build gives the
 * same layers. The base's stay. Without an epoch there is nothing to do.
 */
export async function rewriteTimestamps(
  rewriting: Rewriting,
  targets: readonly BuiltTarget[],
  given: number | undefined,
): Promise<readonly BuiltTarget[]> {
  const done = new Map<string, DiffId>();
  const rewritten: BuiltTarget[] = [];
  for (const target of targets) {
    const epoch = given ?? target.image.epoch;
    rewritten.push(epoch === undefined ? target : await rewriteTarget(rewriting, target, { epoch, done }));
  }
  return rewritten;
}

async function rewriteTarget(
  rewriting: Rewriting,
  target: BuiltTarget,
  { epoch, done }: { readonly epoch: number; readonly done: Map<string, DiffId> },
): Promise<BuiltTarget> {
  const shownTime = new Date(epoch * 1000).toISOString().replace("T", " ").replace(".000Z", " +0000 UTC");
  const line = `rewriting layers with source-date-epoch ${epoch} (${shownTime})`;
  const diffIds = await shown(rewriting.progress, line, async () => {
    const all: DiffId[] = [];
    for (const [index, diffId] of target.diffIds.entries()) {
      const isOwn = target.createdAt[index] !== undefined;
      const key = `${epoch} ${diffId}`;
      const made = isOwn ? (done.get(key) ?? (await rewriteLayer(rewriting, diffId, epoch))) : diffId;
      done.set(key, made);
      all.push(made);
    }
    return all;
  });
  return { ...target, diffIds };
}

async function rewriteLayer({ rooms, lease, signal }: Rewriting, diffId: DiffId, epoch: number): Promise<DiffId> {
  lease.layer(diffId);
  await using writer = await rooms.layers.ingestTar({ signal, onVerified: (made) => lease.layer(made) });
  const members = readTarStream(rooms.layers.readTar(diffId, { signal }));
  for await (const chunk of writeTarStream(clamped(members, epoch))) await writer.write(chunk);
  return (await writer.commit()).layer.diffId;
}

async function* clamped(members: AsyncIterable<TarMember>, epoch: number): AsyncGenerator<TarMemberSource, void, void> {
  for await (const { entry, body } of members) {
    const isLater = entry.mtimeSeconds >= epoch;
    const { xattrs, ...rest } = entry;
    const header = {
      ...rest,
      mtimeSeconds: isLater ? epoch : entry.mtimeSeconds,
      mtimeNanoseconds: isLater ? 0 : entry.mtimeNanoseconds,
      ...(xattrs === undefined ? {} : { xattrs }),
    };
    yield entry.type === "file" ? { header, body } : { header };
  }
}
