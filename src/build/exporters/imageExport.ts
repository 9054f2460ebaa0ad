import { wrapError } from "#errors";
import type { BuiltPush } from "#images";
import { takeLease } from "#metadata";
import { formatReference, hostPlatform, parseReference, platformRank, withDefaultTag, withDigest } from "#oci";
import type { Digest, Reference } from "#oci";
import { credentialsHost } from "../sources/baseOrigin.ts";
import { resolveError } from "../sources/resolveErrors.ts";
import { readAttestations } from "./attestations.ts";
import type { ImageOptions } from "./imageOptions.ts";
import type { OneExport } from "./oneExport.ts";
import { imageResponse } from "./response.ts";
import { shown } from "./shown.ts";
import { blobsOf, writeImages } from "./writeImages.ts";
import type { Writing, WrittenImage, WrittenImages } from "./writeImages.ts";

/** An image with a manifest of its own (several platforms, a push, annotations …): as containerd's image store has it. */
export function imageExport(options: ImageOptions): OneExport {
  return {
    run: (rooms, job) =>
      job.task("exporting to image", async (progress) => {
        using lease = takeLease(rooms.metadata, "export image");
        await using pushes = new AsyncDisposableStack();
        const targets = options.push ? await openPushes({ rooms, job, options }, pushes) : [];
        const writing: Writing = {
          rooms,
          job,
          options,
          lease,
          progress,
          wish: readAttestations(job),
          ociByDefault: false,
          // What is compressed for the first name is at hand for the others.
          layerBlob: targets[0]?.push.layerBlob,
        };
        const written = await writeImages(writing);
        const names = namesOf(options, written.root.digest);
        if (options.store) await store(writing, written, names);
        for (const target of targets) await send(writing, written, target);
        return imageResponse(written, names);
      }),
  };
}

function namesOf(options: ImageOptions, digest: Digest): readonly Reference[] {
  const { danglingPrefix, danglingEmptyOnly } = options;
  const names = options.names.map(withDefaultTag);
  if (danglingPrefix === undefined || (danglingEmptyOnly && names.length > 0)) return names;
  return [...names, withDigest(parseReference(danglingPrefix), digest)];
}

/** One platform's image can be run here: it gets the names, and through the index the others' blobs stay. */
async function store(writing: Writing, written: WrittenImages, names: readonly Reference[]): Promise<void> {
  const { rooms, options, lease, progress } = writing;
  const chosen = bestImage(written);
  if (chosen === undefined) return;
  const { config, manifest, target } = chosen;
  const canonical = options.nameCanonical ? names.filter(({ digest }) => digest === undefined) : [];
  await rooms.images.recordBuilt(
    {
      config: config.raw,
      diffIds: target.diffIds,
      names: [...names, ...canonical.map((name) => withDigest(name, written.root.digest))],
      manifest: manifest.descriptor,
      target: written.index?.descriptor,
    },
    lease,
  );
  for (const name of names) await shown(progress, `naming to ${formatReference(name)}`, () => Promise.resolve());
}

function bestImage({ images }: WrittenImages): WrittenImage | undefined {
  const rank = ({ target }: WrittenImage): number => platformRank(hostPlatform(), target.platform) ?? Infinity;
  return [...images].sort((a, b) => rank(a) - rank(b))[0];
}

interface PushedName {
  readonly name: Reference;
  readonly push: BuiltPush;
}

async function openPushes(
  { rooms, job, options }: Pick<Writing, "rooms" | "job" | "options">,
  pushes: AsyncDisposableStack,
): Promise<readonly PushedName[]> {
  const { session, signal } = job.request;
  const opened: PushedName[] = [];
  for (const name of options.names) {
    const credentials = await session.credentials(credentialsHost(name.domain));
    opened.push({ name, push: pushes.use(rooms.images.openPush(name, { credentials, signal })) });
  }
  return opened;
}

async function send(writing: Writing, written: WrittenImages, { name, push }: PushedName): Promise<void> {
  const { options, progress } = writing;
  const reference = withDefaultTag(name);
  const shownName = options.pushByDigest
    ? formatReference({ domain: name.domain, path: name.path })
    : `${formatReference(reference)}@${written.root.digest}`;
  const manifestLine = `pushing manifest for ${shownName}`;
  progress.status("pushing layers", { current: 0 });
  const pushed = push.send({
    blobs: blobsOf(written),
    documents: written.documents,
    isByDigest: options.pushByDigest,
    onBlobs: () => {
      progress.status("pushing layers", { current: 0, done: true });
      progress.status(manifestLine, { current: 0 });
    },
  });
  await pushed.catch((error: unknown) => {
    throw wrapError(resolveError(error, reference, "push"), `failed to push ${formatReference(reference)}`);
  });
  progress.status(manifestLine, { current: 0, done: true });
}
