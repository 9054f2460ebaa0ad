import { takeLease } from "#metadata";
import { familiarReference, formatReference, hexOf, MediaType, withDefaultTag } from "#oci";
import type { Descriptor, Digest, Reference } from "#oci";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";
import { readAttestations } from "./attestations.ts";
import { invalidAttribute, readSwitch } from "./attributes.ts";
import { blobBytes } from "./blobBytes.ts";
import { goDescriptor } from "./documents.ts";
import type { ExporterRooms } from "./exporterRooms.ts";
import { goJson } from "./goJson.ts";
import { trimTime } from "./history.ts";
import { readImageOptions } from "./imageOptions.ts";
import type { OneExport } from "./oneExport.ts";
import { imageResponse } from "./response.ts";
import { shown } from "./shown.ts";
import { blobsOf, writeImages } from "./writeImages.ts";
import type { Writing, WrittenImages } from "./writeImages.ts";

type Format = "oci" | "docker";

/** `type=oci`, `type=docker,dest=…`: an image layout, as an archive or (`tar=false`) blob by blob into the client's store. */
export function archiveExport(
  format: Format,
  attributes: Readonly<Record<string, string>>,
  position: number,
): OneExport {
  const options = readImageOptions(attributes);
  const isTar = readSwitch(attributes, "tar") ?? true;
  return {
    run: (rooms, job) => {
      const asked = readAttestations(job);
      const isIndexed = job.targets.length > 1 || job.request.options.multiPlatform;
      // What a client attests by default goes where an index is anyway.
      const wish = asked?.isInlineOnly === true && !isIndexed ? undefined : asked;
      if (format === "docker" && (isIndexed || wish !== undefined))
        throw invalidAttribute("docker exporter does not currently support exporting manifest lists");
      return job.task(`exporting to ${format} image format`, async (progress) => {
        using lease = takeLease(rooms.metadata, "export archive");
        const writing: Writing = { rooms, job, options, lease, progress, wish, ociByDefault: format === "oci" };
        const written = await writeImages(writing);
        const names = options.names.map(withDefaultTag);
        const seconds = options.epoch ?? job.targets[0]?.image.epoch ?? Math.floor(Date.now() / 1000);
        const created = { "org.opencontainers.image.created": trimTime(new Date(seconds * 1000).toISOString()) };
        const response = imageResponse(written, names, created);
        const root = {
          ...written.root,
          ...platformOf(written),
          annotations: { ...written.root.annotations, ...created },
        };
        if (!isTar) await copyToClient(writing, written);
        else {
          const bytes = writeTarStream(members(rooms, { written, names, root, format }));
          const { session, signal } = job.request;
          await shown(progress, "sending tarball", () => session.sendTar({ index: position, response, signal }, bytes));
        }
        return response;
      });
    },
  };
}

/** Of an image that no index tells the platform of. */
function platformOf({ index, images }: WrittenImages): Pick<Descriptor, "platform"> {
  const [image] = images;
  return index === undefined && image !== undefined ? { platform: image.target.platform } : {};
}

/** Blobs before what names them. */
async function copyToClient({ rooms, job }: Writing, written: WrittenImages): Promise<void> {
  const store = await job.request.session.contentStore("export");
  for (const { digest, size } of blobsOf(written))
    if ((await store.info(digest)) === undefined) await store.write(digest, size, blobBytes(rooms, digest));
  for (const { raw, descriptor } of written.documents)
    if ((await store.info(descriptor.digest)) === undefined)
      await store.write(descriptor.digest, raw.byteLength, once(raw));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield await Promise.resolve(bytes);
}

interface Archive {
  readonly written: WrittenImages;
  readonly names: readonly Reference[];
  readonly root: Descriptor;
  readonly format: Format;
}

/** As containerd's archive: sorted by name, times 0. */
function* members(rooms: ExporterRooms, archive: Archive): Generator<TarMemberSource, void, void> {
  const { written, format } = archive;
  yield { header: { path: "blobs/", type: "directory", mode: 0o755 } };
  yield { header: { path: "blobs/sha256/", type: "directory", mode: 0o755 } };
  const documents = new Map(written.documents.map((one) => [one.descriptor.digest, one]));
  const all = [...blobsOf(written), ...written.documents.map(({ descriptor }) => descriptor)];
  all.sort((a, b) => (a.digest < b.digest ? -1 : 1));
  for (const { digest, size } of all) {
    const raw = documents.get(digest)?.raw;
    const header = { path: blobPath(digest), type: "file" as const, mode: 0o444, size };
    yield { header, body: raw === undefined ? blobBytes(rooms, digest) : [raw] };
  }
  yield small("index.json", indexJson(archive));
  if (format === "docker") yield small("manifest.json", dockerJson(archive));
  yield small("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function small(path: string, text: string): TarMemberSource {
  const body = Buffer.from(text);
  return {
    header: { path, type: "file", mode: path === "oci-layout" ? 0o444 : 0o644, size: body.length },
    body: [body],
  };
}

function indexJson({ names, root }: Archive): string {
  const named = names.map((name) => ({
    ...root,
    annotations: {
      ...root.annotations,
      "io.containerd.image.name": formatReference(name),
      "org.opencontainers.image.ref.name": name.tag ?? "",
    },
  }));
  const manifests = (named.length === 0 ? [root] : named).map(goDescriptor);
  return goJson({ schemaVersion: 2, mediaType: MediaType.OCI_INDEX, manifests });
}

function dockerJson({ written, names }: Archive): string {
  return goJson(
    written.images.map(({ config, layers }) => ({
      Config: blobPath(config.descriptor.digest),
      RepoTags: names.length === 0 ? null : names.map(familiarReference),
      Layers: layers.map(({ digest }) => blobPath(digest)),
    })),
  );
}
