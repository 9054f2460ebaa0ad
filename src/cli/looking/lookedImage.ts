import type { FileLine, ImageFiles, OpenImage } from "#analysis";
import { openAnyImage } from "../core/openAnyImage.ts";
import type { Session } from "../core/session.ts";

/** The files of an image at one step of its history: of the daemon's store, or of an archive, a layout, a registry. */
export interface LookedImage extends AsyncDisposable {
  /** What is in a directory (all the way down with `recursive`), or the path itself. */
  files(path: string, recursive: boolean): AsyncIterable<FileLine>;
  /** Bytes of a regular file; symlinks are followed. */
  file(path: string): Promise<AsyncIterable<Uint8Array>>;
  /** As a tar, names below the path's last part. */
  archive(path: string): Promise<AsyncIterable<Uint8Array>>;
}

/** `docker-archive:`, …: what `openAnyImage` reads itself. */
const MAY_BE_SOURCE = /^(?:docker|oci|registry)[-:]/;

/** True for an image that is read here, without a daemon. */
export async function isSource(name: string): Promise<boolean> {
  if (!MAY_BE_SOURCE.test(name)) return false;
  return (await import("#transports")).parseImageSource(name) !== undefined;
}

/** `text` is an image, or `IMAGE@N`. Nothing is asked of a daemon before the first call. */
export async function lookInto(session: Session, text: string, platform: string): Promise<LookedImage> {
  const { parseImageStep } = await import("#analysis");
  const { image, step } = parseImageStep(text);
  if (!(await isSource(image))) return new StoredFiles(session, { image, step, platform });
  return OpenedFiles.open(await openAnyImage(session, image, { platform }), step);
}

interface Wanted {
  readonly image: string;
  readonly step: number | undefined;
  readonly platform: string;
}

/** Asks the daemon: its thread has the indexes at hand. */
class StoredFiles implements LookedImage {
  readonly #session: Session;
  readonly #wanted: Wanted;

  constructor(session: Session, wanted: Wanted) {
    this.#session = session;
    this.#wanted = wanted;
  }

  files(path: string, recursive: boolean): AsyncIterable<FileLine> {
    return this.#session.client.lines<FileLine>(this.#call("files", { path, recursive }));
  }

  async file(path: string): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#session.client.open(this.#call("file", { path }))).body;
  }

  async archive(path: string): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#session.client.open(this.#call("archive", { path }))).body;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #call(
    what: string,
    more: Readonly<Record<string, string | boolean>>,
  ): { readonly path: string; readonly query: Readonly<Record<string, string | number | boolean | undefined>> } {
    const { image, step, platform } = this.#wanted;
    const query = { ...more, step, platform: platform === "" ? undefined : platform };
    return { path: `/varve/v1/images/${encodeURIComponent(image)}/${what}`, query };
  }
}

/** Looks itself. */
class OpenedFiles implements LookedImage {
  readonly #image: OpenImage;
  readonly #files: ImageFiles;

  private constructor(image: OpenImage, files: ImageFiles) {
    this.#image = image;
    this.#files = files;
  }

  static async open(image: OpenImage, step: number | undefined): Promise<OpenedFiles> {
    try {
      const { openImageFiles } = await import("#analysis");
      return new OpenedFiles(image, await openImageFiles(image, { step }));
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
  }

  async *files(path: string, recursive: boolean): AsyncGenerator<FileLine> {
    const { fileLineOf, listFiles } = await import("#analysis");
    const { fromDisplayPath } = await import("#tar");
    for (const file of listFiles(this.#files, fromDisplayPath(path), { recursive }))
      yield fileLineOf(this.#files, file);
  }

  async file(path: string): Promise<AsyncIterable<Uint8Array>> {
    const { fromDisplayPath } = await import("#tar");
    return this.#files.read(this.#files.require(fromDisplayPath(path)));
  }

  async archive(path: string): Promise<AsyncIterable<Uint8Array>> {
    const { archiveFiles } = await import("#analysis");
    const { fromDisplayPath, writeTarStream } = await import("#tar");
    return writeTarStream(archiveFiles(this.#files, fromDisplayPath(path)).members);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#image[Symbol.asyncDispose]();
  }
}
