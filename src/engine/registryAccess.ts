import { EngineError, ErrorCode } from "#errors";
import { parseReference, withDefaultTag } from "#oci";
import type { Descriptor, Digest, Reference } from "#oci";
import type { BlobStream, RegistryClient, RegistryCredentials, RepositoryReader, RepositoryWriter } from "#remote";

/** Who asks a registry, and how it may be spoken to. */
export interface RegistryAsker {
  readonly credentials?: RegistryCredentials;
  /** Plain HTTP and unverified certificates may do, whatever the daemon's configuration says. */
  readonly insecure: boolean;
  readonly signal?: AbortSignal;
}

/** A manifest or index as the registry has it. */
export interface RemoteDocument {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly raw: Uint8Array;
}

/** One blob from one repository to another. */
export interface BlobCopy {
  readonly from: string;
  readonly to: string;
  readonly blob: Descriptor;
  readonly fromAsker: RegistryAsker;
  readonly toAsker: RegistryAsker;
}

/** Registries document by document, for clients that put images together themselves. Names are references; a tag is `latest` by default. */
export interface RegistryAccess {
  /** @throws {not_found} when there is none. */
  document(name: string, asker: RegistryAsker): Promise<RemoteDocument>;
  /** A blob of at most 8 MiB, verified. */
  blob(name: string, blob: Descriptor, asker: RegistryAsker): Promise<Uint8Array>;
  putDocument(
    name: string,
    document: { readonly raw: Uint8Array; readonly mediaType: string },
    asker: RegistryAsker,
  ): Promise<Digest>;
  /** Nothing is sent that the target has, or that its registry can mount. */
  copyBlob(copy: BlobCopy): Promise<"present" | "mounted" | "copied">;
}

type Repository = RepositoryReader & RepositoryWriter;

/** Chunks come in memory that is used again, and an upload holds on to one while it asks for the next. */
async function* kept(stream: BlobStream): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream.body) yield Uint8Array.from(chunk);
}

async function* reading(repository: Repository, blob: Descriptor, signal: RequestSignal): AsyncGenerator<Uint8Array> {
  await using stream = await repository.openBlob(blob, signal);
  yield* kept(stream);
}

type RequestSignal = { readonly signal?: AbortSignal };

const signalOf = ({ signal }: RegistryAsker): RequestSignal => (signal === undefined ? {} : { signal });

function named(name: string): Reference {
  return withDefaultTag(parseReference(name));
}

export function createRegistryAccess(client: RegistryClient): RegistryAccess {
  const open = (reference: Reference, asker: RegistryAsker, scope: "pull" | "push"): Repository =>
    client.repository(reference, {
      scope,
      insecure: asker.insecure,
      ...(asker.credentials === undefined ? {} : { credentials: asker.credentials }),
    });
  return {
    document: async (name, asker) => {
      const reference = named(name);
      const { mediaType, digest, raw } = await open(reference, asker, "pull").resolve(reference, signalOf(asker));
      return { mediaType, digest, raw };
    },
    blob: (name, blob, asker) => open(named(name), asker, "pull").readBlob(blob, signalOf(asker)),
    putDocument: async (name, document, asker) => {
      const reference = named(name);
      const place = reference.tag ?? reference.digest ?? "latest";
      return open(reference, asker, "push").putManifest(place, document, signalOf(asker));
    },
    copyBlob: async ({ from, to, blob, fromAsker, toAsker }) => {
      const [source, target] = [named(from), named(to)];
      const writer = open(target, toAsker, "push");
      const signal = signalOf(toAsker);
      if (await writer.hasBlob(blob.digest, signal)) return "present";
      const isNear = source.domain === target.domain;
      if (isNear && source.path === target.path) {
        throw new EngineError("not_found", ErrorCode.BLOB_NOT_FOUND, `content ${blob.digest}: not found`);
      }
      if (isNear && (await writer.mountBlob(blob.digest, source.path, signal))) return "mounted";
      const reader = open(source, fromAsker, "pull");
      await writer.uploadBlob(
        { digest: blob.digest, size: blob.size, open: () => reading(reader, blob, signal) },
        signal,
      );
      return "copied";
    },
  };
}
