import { Worker } from "node:worker_threads";
import { EngineError, ErrorCode, decodeError } from "#errors";
import type { EncodedError } from "#errors";
import { parseDigest } from "#oci";
import type { Digest } from "#oci";
import type { Algorithm } from "./layout.ts";

export interface HashRequest {
  readonly id: number;
  readonly path: string;
  readonly algorithm: Algorithm;
}
export type HashAnswer =
  | { readonly id: number; readonly hex: string }
  | { readonly id: number; readonly error: EncodedError };

interface Waiting {
  readonly algorithm: Algorithm;
  readonly resolve: (digest: Digest) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread that hashes files; started when first asked, and never the reason that the process stays alive when idle. */
export class FileHasher implements AsyncDisposable {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  digest(path: string, algorithm: Algorithm): Promise<Digest> {
    const { promise, resolve, reject } = Promise.withResolvers<Digest>();
    this.#lastId += 1;
    const id = this.#lastId;
    this.#worker ??= this.#start();
    this.#waiting.set(id, { algorithm, resolve, reject });
    this.#worker.ref();
    this.#worker.postMessage({ id, path, algorithm } satisfies HashRequest);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#fail(new EngineError("cancelled", ErrorCode.CANCELLED, "content: the store was closed"));
  }

  #start(): Worker {
    const worker = new Worker(new URL("./hashFile.worker.ts", import.meta.url), { name: "varve-hash" });
    worker.on("message", (answer: HashAnswer) => this.#settle(answer));
    worker.on("error", (error) => {
      this.#worker = undefined;
      this.#fail(error);
    });
    return worker;
  }

  #settle(answer: HashAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if (waiting === undefined) return;
    if ("error" in answer) waiting.reject(decodeError(answer.error));
    else waiting.resolve(parseDigest(`${waiting.algorithm}:${answer.hex}`));
  }

  #fail(error: unknown): void {
    const all = Array.from(this.#waiting.values());
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(error);
  }
}
