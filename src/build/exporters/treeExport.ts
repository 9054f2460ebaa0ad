import { formatPlatform } from "#oci";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";
import type { BuiltTarget } from "../buildService.ts";
import type { StepProgress } from "../graph/handler.ts";
import type { ExportRequest } from "../request.ts";
import { invalidAttribute, readEpoch, readSwitch } from "./attributes.ts";
import type { ExportJob } from "./exporter.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import { mergedTree } from "./mergedTree.ts";
import type { OneExport } from "./oneExport.ts";

interface TreeAttributes {
  /** undefined: where several platforms are asked for. */
  readonly split: boolean | undefined;
  readonly epoch: number | undefined;
}

/** A finished platform with the folder that it goes to, "" or `linux_amd64/`. */
interface Part {
  readonly target: BuiltTarget;
  readonly prefix: string;
}

/** `type=local`: the files go to a directory of the client. */
export function localExport({ attributes }: ExportRequest, index: number): OneExport {
  const tree = readAttributes(attributes);
  return {
    run: (rooms, job) =>
      job.task("exporting to client directory", async (progress) => {
        const parts = partsOf(job, tree);
        if (parts.some(({ prefix }) => prefix === "")) await checkDisjoint(rooms, parts);
        const name = parts.map(({ target, prefix }) => (prefix === "" ? "" : ` ${formatPlatform(target.platform)}`));
        const line = `copying files${parts.length === 1 ? (name[0] ?? "") : ""}`;
        const tar = counted(treeTar(rooms, parts, tree.epoch), progress, line);
        await job.request.session.sendTree({ index, response: {}, signal: job.request.signal }, tar);
        return {};
      }),
  };
}

/** `type=tar`: the files as one archive. */
export function tarExport({ attributes }: ExportRequest, index: number): OneExport {
  const tree = readAttributes(attributes);
  return {
    run: (rooms, job) =>
      job.task("exporting to client tarball", async (progress) => {
        const parts = partsOf(job, { ...tree, split: undefined });
        progress.status("sending tarball", { current: 0 });
        const tar = treeTar(rooms, parts, tree.epoch);
        await job.request.session.sendTar({ index, response: {}, signal: job.request.signal }, tar);
        progress.status("sending tarball", { current: 0, done: true });
        return {};
      }),
  };
}

function readAttributes(attributes: Readonly<Record<string, string>>): TreeAttributes {
  const mode = attributes["mode"];
  if (mode !== undefined && !["", "copy", "delete"].includes(mode))
    throw invalidAttribute(`invalid local exporter mode ${JSON.stringify(mode)}`);
  return { split: readSwitch(attributes, "platform-split"), epoch: readEpoch(attributes) };
}

function partsOf({ request, targets }: ExportJob, { split }: TreeAttributes): readonly Part[] {
  const isMap = targets.length > 1 || request.options.multiPlatform;
  return targets.map((target) => {
    const folder = `${formatPlatform(target.platform).replaceAll("/", "_")}/`;
    return { target, prefix: (split ?? isMap) ? folder : "" };
  });
}

/** Platforms that share a folder must not have the same file. */
async function checkDisjoint({ layers }: ExporterRooms, parts: readonly Part[]): Promise<void> {
  if (parts.length < 2) return;
  const seen = new Map<string, string>();
  for (const { target } of parts) {
    const platform = formatPlatform(target.platform);
    await using view = await layers.openView(target.diffIds);
    for (const { path, stat } of view.walk()) {
      if (stat.type === "directory") continue;
      const other = seen.get(path);
      if (other !== undefined)
        throw invalidAttribute(`cannot overwrite ${path} from ${other} with ${platform} when split option is disabled`);
      seen.set(path, platform);
    }
  }
}

function treeTar(
  rooms: ExporterRooms,
  parts: readonly Part[],
  epoch: number | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  return writeTarStream(members(rooms, parts, epoch));
}

async function* members(
  { layers }: ExporterRooms,
  parts: readonly Part[],
  given: number | undefined,
): AsyncGenerator<TarMemberSource, void, void> {
  for (const { target, prefix } of parts) {
    const epoch = given ?? target.image.epoch;
    if (prefix !== "")
      yield {
        header: {
          path: prefix,
          type: "directory",
          mode: 0o755,
          ...(epoch === undefined ? {} : { mtimeSeconds: epoch }),
        },
      };
    await using view = await layers.openView(target.diffIds);
    yield* mergedTree(view, { prefix, epoch });
  }
}

async function* counted(
  tar: AsyncIterable<Uint8Array>,
  progress: StepProgress,
  line: string,
): AsyncGenerator<Uint8Array, void, void> {
  let current = 0;
  progress.status(line, { current });
  for await (const chunk of tar) {
    current += chunk.length;
    progress.status(line, { current });
    yield chunk;
  }
  progress.status(line, { current, done: true });
}
