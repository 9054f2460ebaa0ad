import { formatReference, parseDigest, repositoryOf } from "#oci";
import type { Reference } from "#oci";
import type { RegistryCalls } from "../registry/registryCalls.ts";
import { isImage, isIndex, parseImage, parseIndex } from "./descriptors.ts";

/** Copies images between repositories with all that they name; each thing once. */
export class ImageCopier {
  readonly #registry: RegistryCalls;
  readonly #to: Reference;
  readonly #done = new Map<string, Promise<void>>();

  /** `to`: the repository; its tag is left alone. */
  constructor(registry: RegistryCalls, to: Reference) {
    this.#registry = registry;
    this.#to = repositoryOf(to);
  }

  /** Children first, so that the registry never has what it cannot give whole. */
  copy(
    from: Reference,
    document: { readonly digest: string; readonly mediaType: string; readonly raw: Buffer },
  ): Promise<void> {
    return this.#once(document.digest, async () => {
      const { raw, mediaType, digest } = document;
      if (isIndex(mediaType)) {
        const { manifests } = parseIndex(raw);
        await Promise.all(manifests.map((child) => this.#copyChild(from, child.digest)));
      } else if (isImage(mediaType)) {
        const { config, layers } = parseImage(raw);
        const to = formatReference(this.#to);
        const source = formatReference(repositoryOf(from));
        await Promise.all(
          [config, ...layers].map((blob) => this.#once(blob.digest, () => this.#registry.copy(source, to, blob))),
        );
      }
      await this.#registry.put(this.#named(this.#to, digest), { raw, mediaType });
    });
  }

  async #copyChild(from: Reference, digest: string): Promise<void> {
    await this.copy(from, await this.#registry.document(this.#named(from, digest)));
  }

  #named(reference: Reference, digest: string): string {
    return formatReference({ ...repositoryOf(reference), digest: parseDigest(digest) });
  }

  #once(digest: string, work: () => Promise<void>): Promise<void> {
    const known = this.#done.get(digest) ?? work();
    this.#done.set(digest, known);
    return known;
  }
}
