import {
  archiveFiles,
  compareImages,
  compileSearch,
  fileLineOf,
  ImageFiles,
  layersAtStep,
  listFiles,
  readImageTree,
  scoreImage,
  searchLayers,
  shownPath,
  whyPath,
} from "#analysis";
import type { ComparedImage, ImageTree, OpenImage } from "#analysis";
import { EngineError, ErrorCode } from "#errors";
import { writeTarStream } from "#tar";
import { openLayerFilesImage } from "./layerFilesImage.ts";
import { hashFiles, hidingsOf, searchedLayer } from "./layerContents.ts";
import type {
  ArchiveJob,
  DiffJob,
  FileJob,
  FilesJob,
  ImageParts,
  Looked,
  LookJob,
  PlaceInImage,
  ScoresJob,
  SearchJob,
  WhyJob,
} from "./lookJobs.ts";
import { scanUpper } from "./scanUpper.ts";
import { packChunks } from "./packChunks.ts";

/** Images whose trees are kept while the thread lives: a window that asks once more is answered at once. */
const KEPT_IMAGES = 4;
/** Lines go out in pieces of about this much. */
const BATCH_CHARS = 64 << 10;

interface KnownImage {
  readonly image: OpenImage;
  readonly tree: Promise<ImageTree>;
}

/** Works for the thread; remembers the last images. */
export class LookRunner {
  readonly #known = new Map<string, KnownImage>();

  async run(job: LookJob): Promise<Looked> {
    switch (job.kind) {
      case "files":
        return this.#files(job);
      case "file":
        return this.#file(job);
      case "archive":
        return this.#archive(job);
      case "why":
        return this.#why(job);
      case "diff":
        return this.#diff(job);
      case "scores":
        return this.#scores(job);
      case "search":
        return this.#search(job);
      case "hash":
        return { head: undefined, body: hashFiles(job.file) };
      case "hidings":
        return { head: undefined, body: jsonOf(await Promise.all(job.files.map(hidingsOf))) };
      case "upper":
        return { head: undefined, body: jsonOf(scanUpper(job.path)) };
    }
  }

  async #files({ path, recursive, ...place }: FilesJob): Promise<Looked> {
    const files = await this.#open(place);
    files.require(path);
    return { head: undefined, body: linesOf(lineValues(files, path, recursive)) };
  }

  async #file({ path, ...place }: FileJob): Promise<Looked<number>> {
    const files = await this.#open(place);
    const file = files.require(path);
    return { head: file.entry.size, body: files.read(file) };
  }

  async #archive({ path, ...place }: ArchiveJob): Promise<Looked> {
    const { archived, members } = archiveFiles(await this.#open(place), path);
    return { head: archived, body: packChunks(writeTarStream(members)) };
  }

  async #why({ image: parts, step, path, known }: WhyJob): Promise<Looked> {
    const { image, tree } = this.#image(parts);
    const reply = await whyPath(image, await tree, { path, step, known });
    if (reply !== undefined) return { head: undefined, body: jsonOf(reply) };
    const message = `${shownPath(path)}: no layer of ${image.name} has such a path`;
    throw new EngineError("not_found", ErrorCode.CONTAINER_FILE, message);
  }

  async #diff({ before, after, options }: DiffJob): Promise<Looked> {
    const compared = async ({ image: parts, step }: DiffJob["before"]): Promise<ComparedImage> => {
      const { image, tree } = this.#image(parts);
      return { image, tree: await tree, step };
    };
    return {
      head: undefined,
      body: jsonOf(await compareImages(await compared(before), await compared(after), options)),
    };
  }

  async #scores({ image: parts }: ScoresJob): Promise<Looked> {
    const { inefficiencies, ...scores } = scoreImage(await this.#image(parts).tree);
    const worst = inefficiencies.map((item) => ({ ...item, path: shownPath(item.path) }));
    return { head: undefined, body: jsonOf({ ...scores, inefficiencies: worst }) };
  }

  async #search({ query, layers, images }: SearchJob): Promise<Looked> {
    const matcher = compileSearch(query);
    const hits = searchLayers(
      layers.map((layer) => searchedLayer(layer, layer.digests)),
      images,
      matcher,
    );
    return { head: undefined, body: linesOf(hits) };
  }

  async #open({ image, step }: Omit<PlaceInImage, "path">): Promise<ImageFiles> {
    const known = this.#image(image);
    const count = layersAtStep(known.image, step);
    return new ImageFiles(known.image, await known.tree, count);
  }

  #image(parts: ImageParts): KnownImage {
    const key = `${parts.imageId} ${parts.name}`;
    const known = this.#known.get(key) ?? openImage(parts);
    this.#known.delete(key);
    this.#known.set(key, known);
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > KEPT_IMAGES && oldest !== undefined) this.#known.delete(oldest);
    return known;
  }
}

function openImage(parts: ImageParts): KnownImage {
  const image = openLayerFilesImage(parts);
  const tree = readImageTree(image);
  // Whoever asks awaits it; the step may be refused before.
  tree.catch(() => undefined);
  return { image, tree };
}

function* lineValues(files: ImageFiles, path: string, recursive: boolean): Generator<object> {
  for (const file of listFiles(files, path, { recursive })) yield fileLineOf(files, file);
}

async function* jsonOf(value: object): AsyncGenerator<Uint8Array> {
  yield Buffer.from(JSON.stringify(value));
}

/** Values as JSON lines, many in one chunk. */
async function* linesOf(values: Iterable<object> | AsyncIterable<object>): AsyncGenerator<Uint8Array> {
  let text = "";
  for await (const value of values) {
    text += `${JSON.stringify(value)}\n`;
    if (text.length < BATCH_CHARS) continue;
    yield Buffer.from(text);
    text = "";
  }
  if (text !== "") yield Buffer.from(text);
}
