import { createHash } from "node:crypto";
import type { ClassicStep } from "#build";
import type { SolveStatus, SolveVertex } from "#engineapi";

const SHORT_ID = 12;
const STDERR = 2;

interface Progress {
  vertex: SolveVertex | undefined;
  /** Output that waits for its step's turn. */
  readonly waiting: string[];
  readonly decoders: Map<number, TextDecoder>;
  isAnnounced: boolean;
}

export interface ClassicOutputOptions {
  readonly quiet: boolean;
  readonly remove: boolean;
  readonly send: (message: Readonly<Record<string, unknown>>) => void;
}

/**
 * Progress in the words of the older builder: one step after the other, though steps run side by side. What a step writes
 * before its turn waits. Results between have no name here, so that their ids are of their definitions.
 */
export class ClassicOutput {
  readonly #options: ClassicOutputOptions;
  readonly #progress = new Map<string, Progress>();
  #steps: readonly ClassicStep[] = [];
  #at = 0;
  #isHeadShown = false;
  #lastId = "";

  constructor(options: ClassicOutputOptions) {
    this.#options = options;
  }

  /** Once the steps are known. */
  begin(steps: readonly ClassicStep[]): void {
    this.#steps = steps;
    this.#advance();
  }

  update(status: SolveStatus): void {
    for (const vertex of status.vertexes ?? []) this.#of(vertex.digest).vertex = vertex;
    for (const log of status.logs ?? []) {
      const progress = this.#of(log.vertex);
      const decoder = progress.decoders.get(log.stream) ?? new TextDecoder();
      progress.decoders.set(log.stream, decoder);
      const text = decoder.decode(Buffer.from(log.data, "base64"), { stream: true });
      if (text !== "") progress.waiting.push(log.stream === STDERR ? `\u001b[91m${text}\u001b[0m` : text);
    }
    if (this.#steps.length > 0) this.#advance();
  }

  /** All is built: the last result's name, and what went wrong without harm. */
  finish(imageId: string, tags: readonly string[], unusedArguments: readonly string[]): void {
    const short = imageId.replace(/^sha256:/, "").slice(0, SHORT_ID);
    if (this.#options.quiet) {
      this.#options.send({ stream: `${imageId}\n` });
      return;
    }
    this.#advance();
    if (this.#at === this.#steps.length && this.#steps.length > 0) this.#say(` ---> ${short}\n`);
    this.#options.send({ aux: { ID: imageId } });
    if (unusedArguments.length > 0) {
      this.#say(`[Warning] One or more build-args [${unusedArguments.join(" ")}] were not consumed\n`);
    }
    this.#say(`Successfully built ${short}\n`);
    for (const tag of tags) this.#say(`Successfully tagged ${tag}\n`);
  }

  #of(digest: string): Progress {
    let progress = this.#progress.get(digest);
    if (progress === undefined) {
      progress = { vertex: undefined, waiting: [], decoders: new Map(), isAnnounced: false };
      this.#progress.set(digest, progress);
    }
    return progress;
  }

  #say(stream: string): void {
    if (!this.#options.quiet) this.#options.send({ stream });
  }

  #advance(): void {
    for (let step = this.#steps[this.#at]; step !== undefined; step = this.#steps[this.#at]) {
      this.#head(step);
      if (step.vertex !== undefined && !this.#result(step, step.vertex.digest)) return;
      this.#end(step);
      this.#at += 1;
      this.#isHeadShown = false;
    }
  }

  #head(step: ClassicStep): void {
    if (this.#isHeadShown) return;
    this.#isHeadShown = true;
    this.#say(`Step ${this.#at + 1}/${this.#steps.length} : ${step.text}`);
    this.#say("\n");
  }

  /** What there is of a step's run; true when it is over. */
  #result(step: ClassicStep, digest: string): boolean {
    const progress = this.#of(digest);
    const { completed, cached, error = "" } = progress.vertex ?? {};
    const isOver = completed !== undefined;
    const container = digest.slice(-SHORT_ID);
    const hasRun = step.kind === "run" && cached !== true;
    if (hasRun && !progress.isAnnounced && (isOver || progress.waiting.length > 0)) {
      progress.isAnnounced = true;
      this.#say(` ---> Running in ${container}\n`);
    }
    for (const text of progress.waiting.splice(0)) this.#say(text);
    if (!isOver || error !== "") return false;
    if (cached === true && step.kind !== "from") this.#say(" ---> Using cache\n");
    if (hasRun && this.#options.remove) this.#say(` ---> Removed intermediate container ${container}\n`);
    return true;
  }

  #end(step: ClassicStep): void {
    if (step.kind === "argument") return;
    const made = step.vertex?.digest.replace(/^sha256:/, "");
    const id = made ?? createHash("sha256").update(`${this.#lastId}\0${step.text}`).digest("hex");
    this.#lastId = id;
    // The last one's is the image's, which is not there yet.
    if (this.#at < this.#steps.length - 1) this.#say(` ---> ${id.slice(0, SHORT_ID)}\n`);
  }
}
