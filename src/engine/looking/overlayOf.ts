import { basename, dirname } from "node:path";
import { imageLayersOf } from "#analysis";
import type { OverlayLower, OverlayReply, UpperDirectory } from "#engineapi";
import { isNotFound } from "#errors";
import { listMounts } from "#host";
import type { MountEntry } from "#host";
import type { DiffId, ImageConfig } from "#oci";
import type { GraphDriverData } from "#snapshots";
import type { LookOptions } from "./lookBackend.ts";
import type { Looked } from "./lookJobs.ts";
import type { LookThread } from "./lookThread.ts";
import { layerFileOf } from "./storedImages.ts";
import type { LookRooms } from "./storedImages.ts";

interface Subject {
  readonly kind: OverlayReply["kind"];
  readonly id: string;
  readonly name: string;
  readonly status?: string;
  readonly directories: GraphDriverData | undefined;
  /** Of the image that it is, or stands on. */
  readonly config: ImageConfig | undefined;
}

/** A container by name, ID or the beginning of one, or else an image. @throws {not_found} in docker's words for neither */
export async function overlayOf(
  rooms: LookRooms,
  thread: LookThread,
  name: string,
  options: LookOptions,
): Promise<OverlayReply> {
  const subject = (await findContainer(rooms, name)) ?? (await findImage(rooms, name, options));
  const { directories, config, ...named } = subject;
  const mounts = new Map((await listMounts()).map((mount) => [mount.target, mount]));
  const isContainer = subject.kind === "container";
  const lowerDirectories = directories?.LowerDir?.split(":") ?? [];
  const own = isContainer || directories === undefined ? [] : [directories.UpperDir];
  const hidden = await hiddenBy(rooms, thread, config, options.signal);
  const describe = describer(rooms, { mounts, config, hidden });
  const merged = mounts.get(directories?.MergedDir ?? "");
  return {
    ...named,
    driver: rooms.snapshots.driver.name,
    merged: directories?.MergedDir ?? "",
    mounted: merged?.type === "overlay",
    ...(merged?.type === "overlay"
      ? { options: [...new Set([...merged.options, ...merged.superOptions])].join(",") }
      : {}),
    ...(isContainer && directories !== undefined ? { upper: directories.UpperDir, work: directories.WorkDir } : {}),
    lower: [...own, ...lowerDirectories].map(describe),
    ...(isContainer && directories !== undefined
      ? {
          changes: (await readJson(
            thread.run({ kind: "upper", path: directories.UpperDir }, options.signal),
          )) as UpperDirectory,
        }
      : {}),
  };
}

/** What inspect says of a container, as far as it is wanted here. */
interface ContainerFacts {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Status: string };
  readonly GraphDriver: { readonly Data: GraphDriverData };
}

async function findContainer({ containers, images }: LookRooms, name: string): Promise<Subject | undefined> {
  try {
    // The document is our own; its shape is the API's.
    const facts = (await containers.inspect(name)) as unknown as ContainerFacts;
    const image = await images.lookup(facts.Image).catch(() => undefined);
    return {
      kind: "container",
      id: facts.Id,
      name: facts.Name.replace(/^\//, ""),
      status: facts.State.Status,
      directories: facts.GraphDriver.Data,
      config: image?.config,
    };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function findImage(rooms: LookRooms, name: string, { platform }: LookOptions): Promise<Subject> {
  const { imageId, chainId, config } = await rooms.images.lookup(name, platform);
  const directories = chainId === undefined ? undefined : await rooms.snapshots.graphDriverData(chainId);
  return { kind: "image", id: imageId, name, directories, config };
}

type Hiding = Pick<OverlayLower, "whiteouts" | "opaque">;

interface Facts {
  readonly mounts: ReadonlyMap<string, MountEntry>;
  readonly config: ImageConfig | undefined;
  readonly hidden: ReadonlyMap<DiffId | undefined, Hiding>;
}

/** What each layer of the image hides of those below it. */
async function hiddenBy(
  rooms: LookRooms,
  thread: LookThread,
  config: ImageConfig | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<DiffId, Hiding>> {
  const infos = (config?.rootfs.diff_ids ?? [])
    .map((diffId) => rooms.layers.get(diffId))
    .filter((info) => info !== undefined);
  const files = infos.map((info) => layerFileOf(rooms, info));
  const hidings = (await readJson(thread.run({ kind: "hidings", files }, signal))) as readonly Hiding[];
  return new Map(infos.map(({ diffId }, index) => [diffId, hidings[index] ?? { whiteouts: [], opaque: [] }]));
}

function describer({ snapshots }: LookRooms, { mounts, config, hidden }: Facts): (path: string) => OverlayLower {
  const diffIds = new Map(snapshots.list().map(({ id, diffId }) => [id, diffId]));
  const createdBy = new Map(
    (config === undefined ? [] : imageLayersOf(config)).map(({ diffId, history }) => [
      diffId,
      history?.created_by ?? history?.comment,
    ]),
  );
  return (path) => {
    const directory = basename(dirname(path));
    const diffId = diffIds.get(directory.replace(/-init$/, ""));
    const kind = directory.endsWith("-init") ? "init" : basename(path) === "fixup" ? "fixup" : "layer";
    const mount = mounts.get(path);
    const instruction = diffId === undefined ? undefined : createdBy.get(diffId);
    return {
      path,
      kind,
      ...(kind === "layer" && diffId !== undefined ? { diffId } : {}),
      ...(kind === "layer" && instruction !== undefined ? { createdBy: instruction } : {}),
      ...(mount === undefined ? {} : { filesystem: mount.type, source: mount.source }),
      ...(hidden.get(kind === "layer" ? diffId : undefined) ?? { whiteouts: [], opaque: [] }),
    };
  };
}

async function readJson(running: Promise<Looked>): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await running).body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
