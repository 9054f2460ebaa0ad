import type { ReadStream, WriteStream } from "node:tty";
import { scoreImage } from "#analysis";
import type { OpenImage } from "#analysis";
import { isAlreadyExists, messageOf } from "#errors";
import { toDisplayPath } from "#tar";
import type { Effect } from "./explorer/effects.ts";
import { fileOf, openingState } from "./explorer/state.ts";
import type { ImageFacts, State } from "./explorer/state.ts";
import { update } from "./explorer/update.ts";
import type { ExplorerEvent } from "./explorer/update.ts";
import { bytesText } from "./explorer/words.ts";
import { extract } from "./extract.ts";
import { render } from "./render/render.ts";
import { settleContent } from "./settleContent.ts";
import { Terminal } from "./terminal/terminal.ts";
import { themeOf, traitsOf } from "./terminal/theme.ts";

/** Of larger files only the beginning is shown. */
const MOST_VIEWED = 4 * 1024 * 1024;

/** Reads at most so many bytes. */
async function readBeginning(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= MOST_VIEWED) break;
  }
  return Buffer.concat(parts).subarray(0, MOST_VIEWED);
}

/** Turns events into states and states into frames, and does what the states ask for. */
class Explorer implements Disposable {
  readonly #image: OpenImage;
  readonly #terminal: Terminal;
  readonly #done = Promise.withResolvers<undefined>();
  readonly #over = new AbortController();
  #state: State;
  #isPaintDue = false;

  constructor(image: OpenImage, facts: ImageFacts, streams: { input: ReadStream; output: WriteStream }) {
    this.#image = image;
    this.#terminal = new Terminal(streams.input, streams.output, {
      onInput: (event) => this.#handle(event),
      onResize: () => this.#handle({ kind: "resize", ...this.#terminal.size }),
      onEnd: () => this.#done.resolve(undefined),
    });
    this.#state = openingState(facts, traitsOf(process.env), this.#terminal.size);
    this.#paint();
    // They are no part of the first screen: a large image is seen some 50 ms sooner.
    setImmediate(() => {
      this.#handle({ kind: "scored", scores: scoreImage(facts.tree) });
      this.#background(() => this.#settle());
    });
  }

  async run(): Promise<void> {
    await this.#done.promise;
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    this.#terminal[Symbol.dispose]();
  }

  #handle(event: ExplorerEvent): void {
    try {
      const { state, effects } = update(this.#state, event);
      this.#state = state;
      for (const effect of effects) this.#perform(effect);
      this.#schedulePaint();
    } catch (error) {
      this.#done.reject(error);
    }
  }

  /** Many events at once, as of a key held down, are one frame. */
  #schedulePaint(): void {
    if (this.#isPaintDue) return;
    this.#isPaintDue = true;
    const paint = (): void => {
      this.#isPaintDue = false;
      this.#paint();
    };
    if (this.#terminal.isReady) setImmediate(paint);
    else this.#terminal.whenReady(paint);
  }

  #paint(): void {
    if (this.#over.signal.aborted) return;
    this.#terminal.show(render(this.#state), themeOf(this.#state.traits));
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case "quit":
        return this.#done.resolve(undefined);
      case "suspend":
        return this.#background(async () => {
          await this.#terminal.suspend();
          return { kind: "resize", ...this.#terminal.size };
        });
      case "view":
        return this.#background(() => this.#view(effect.node));
      case "extract":
        return this.#background(() => this.#extract(effect));
    }
  }

  /** Its answer is an event; a failure is told in the status line. */
  #background(work: () => Promise<ExplorerEvent | undefined>): void {
    work()
      .then((event) => {
        if (event !== undefined && !this.#over.signal.aborted) this.#handle(event);
      })
      .catch((error: unknown) => {
        if (!this.#over.signal.aborted) this.#handle({ kind: "said", text: messageOf(error), isError: true });
      });
  }

  async #settle(): Promise<ExplorerEvent | undefined> {
    try {
      const same = await settleContent(this.#image, this.#state.image.tree, this.#over.signal);
      return same === 0 ? undefined : { kind: "settled" };
    } catch {
      // Nobody asked for it: that a file cannot be read is told when it is viewed. What was compared holds.
      return { kind: "settled" };
    }
  }

  async #view(node: number): Promise<ExplorerEvent> {
    const state = this.#state;
    const file = fileOf(state, node);
    const path = state.image.tree.pathOf(node);
    if (file === undefined) {
      const type = state.view.entryOf(node)?.type ?? "directory";
      return { kind: "said", text: `/${toDisplayPath(path)} is no regular file (${type})`, isError: true };
    }
    const { signal } = this.#over;
    const bytes = await readBeginning(this.#image.readFile(file.layer, path, { signal }));
    const note = bytes.length < MOST_VIEWED ? "" : `first ${bytesText(MOST_VIEWED)} of ${bytesText(file.entry.size)}`;
    return { kind: "opened", title: `/${toDisplayPath(path)}`, bytes, note };
  }

  async #extract(effect: Extract<Effect, { kind: "extract" }>): Promise<ExplorerEvent> {
    const { view, image } = this.#state;
    const { node, destination, mayOverwrite } = effect;
    try {
      const { signal } = this.#over;
      const job = { image: this.#image, tree: image.tree, view, node, destination, mayOverwrite, signal };
      const { path, files, bytes, leftOut } = await extract(job);
      const what = files === 1 ? "1 file" : `${files} files`;
      const rest = leftOut === 0 ? "" : `, ${leftOut} devices left out`;
      return { kind: "said", text: `Extracted ${what} (${bytesText(bytes)}) to ${path}${rest}`, isError: false };
    } catch (error) {
      const isFile = fileOf(this.#state, node) !== undefined;
      if (isAlreadyExists(error) && !mayOverwrite && isFile) return { kind: "exists", node, destination };
      throw error;
    }
  }
}

/** Explores the image in the terminal until the user has enough. */
export async function explore(
  image: OpenImage,
  facts: ImageFacts,
  streams: { readonly input: ReadStream; readonly output: WriteStream },
): Promise<void> {
  using explorer = new Explorer(image, facts, streams);
  await explorer.run();
}
