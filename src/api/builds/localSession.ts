import type { Duplex } from "node:stream";
import { receiveTar } from "#build";
import type { BuildSession, ContextReceiver, OutputTarget, SessionContent, WantedFiles } from "#build";
import type { LocalBuildAsk, LocalDirectory } from "#engineapi";
import { EngineError, ErrorCode, isNotFound } from "#errors";
import type { RegistryCredentials } from "#remote";
import type { Exchange } from "../exchange.ts";
import { parseAuthConfig } from "../query.ts";

/** BuildKit's own bound. */
const MAX_SECRET_BYTES = 500 << 10;
const MAX_ANSWER_BYTES = 1 << 20;

type Question = LocalBuildAsk extends infer Ask ? (Ask extends { id: number } ? Omit<Ask, "id"> : never) : never;

/** A client's answer, on its own connection, which stays open until `finish`. */
interface Answer {
  readonly exchange: Exchange;
  /** With an error: the client is told that its answer was not taken. */
  readonly finish: (error?: unknown) => void;
}

export interface LocalSessionOptions {
  readonly ask: (ask: LocalBuildAsk) => void;
  readonly directories: Readonly<Record<string, LocalDirectory>>;
  /** Where a directory may be read in place. */
  readonly locate: (directory: LocalDirectory) => Promise<string | undefined>;
  readonly signal: AbortSignal;
}

/** The session of varve's own command: what is wanted is asked for, each answer comes on its own connection. */
export class LocalSession implements BuildSession {
  readonly #options: LocalSessionOptions;
  readonly #open = new Map<number, (exchange: Exchange) => Promise<void>>();
  #last = 0;

  constructor(options: LocalSessionOptions) {
    this.#options = options;
  }

  /** Takes a client's answer; resolves when it has been used. @throws {not_found} for what was not asked, or twice */
  answer(exchange: Exchange): Promise<void> {
    const id = exchange.integer("ask") ?? 0;
    const take = this.#open.get(id);
    if (take === undefined)
      throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `this build has not asked for ${id}`);
    this.#open.delete(id);
    return take(exchange);
  }

  async localDirectory(name: string): Promise<string | undefined> {
    const { locate, directories } = this.#options;
    const directory = Object.hasOwn(directories, name) ? directories[name] : undefined;
    return directory === undefined ? undefined : locate(directory);
  }

  async sendDirectory(name: string, wanted: WantedFiles, receiver: ContextReceiver): Promise<void> {
    if (!Object.hasOwn(this.#options.directories, name))
      throw new EngineError("not_found", ErrorCode.BAD_REQUEST, `no access allowed to dir ${JSON.stringify(name)}`);
    const { followPaths, includes, excludes } = wanted;
    const paths = followPaths === undefined ? {} : { followPaths };
    await this.#use({ kind: "directory", name, ...paths, includes, excludes }, async (exchange) => {
      await receiveTar(exchange.body(), receiver, wanted.onProgress);
      exchange.empty(204);
    });
  }

  async *upload(_url: string): AsyncIterable<Uint8Array> {
    const { exchange, finish } = await this.#ask({ kind: "upload" });
    try {
      yield* exchange.body();
      exchange.empty(204);
    } finally {
      finish();
    }
  }

  async secret(id: string): Promise<Uint8Array> {
    return this.#use({ kind: "secret", secret: id }, async (exchange) => {
      const bytes = await readSmall(exchange, MAX_SECRET_BYTES);
      exchange.empty(204);
      return bytes;
    });
  }

  async connectSshAgent(id: string): Promise<Duplex> {
    const { exchange, finish } = await this.#ask({ kind: "ssh", agent: id });
    const { socket, head } = exchange.hijack("application/vnd.docker.raw-stream");
    finish();
    if (head.byteLength > 0) socket.unshift(head);
    const close = (): void => void socket.destroy();
    this.#options.signal.addEventListener("abort", close, { once: true });
    socket.once("close", () => this.#options.signal.removeEventListener("abort", close));
    return socket;
  }

  async credentials(registryHost: string): Promise<RegistryCredentials | undefined> {
    return this.#use({ kind: "credentials", host: registryHost }, async (exchange) => {
      const bytes = await readSmall(exchange, MAX_ANSWER_BYTES);
      exchange.empty(204);
      return parseAuthConfig(JSON.parse(Buffer.from(bytes).toString()));
    });
  }

  async contentStore(store: string): Promise<SessionContent> {
    return {
      info: async (digest) => {
        const answer = await this.#optional({ kind: "blobInfo", store, digest });
        return answer === undefined ? undefined : { size: sizeOf(answer) };
      },
      read: (digest, range) => this.#readBlob(store, digest, range),
      write: (digest, size, bytes) => this.#send({ kind: "blobWrite", store, digest, size }, bytes),
    };
  }

  sendTar({ index, response }: OutputTarget, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#send({ kind: "tar", index, response }, bytes);
  }

  sendTree({ index, response }: OutputTarget, tar: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#send({ kind: "tree", index, response }, tar);
  }

  async *#readBlob(
    store: string,
    digest: string,
    range: { readonly offset: number; readonly length: number } | undefined,
  ): AsyncIterable<Uint8Array> {
    const { exchange, finish } = await this.#ask({ kind: "blobRead", store, digest, offset: 0, ...range });
    try {
      yield* exchange.body();
      exchange.empty(204);
    } finally {
      finish();
    }
  }

  /** A small answer, undefined when the client has none. */
  async #optional(question: Question): Promise<Uint8Array | undefined> {
    try {
      return await this.#use(question, async (exchange) => {
        const bytes = await readSmall(exchange, MAX_ANSWER_BYTES);
        exchange.empty(204);
        return bytes;
      });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #send(question: Question, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#use(question, async (exchange) => {
      const body = exchange.stream(200, "application/x-tar");
      try {
        for await (const chunk of bytes) await body.write(chunk);
        body.end();
      } catch (error) {
        body.cut();
        throw error;
      }
    });
  }

  async #use<T>(question: Question, use: (exchange: Exchange) => Promise<T>): Promise<T> {
    const { exchange, finish } = await this.#ask(question);
    try {
      const value = await use(exchange);
      finish();
      return value;
    } catch (error) {
      finish(error);
      throw error;
    }
  }

  #ask(question: Question): Promise<Answer> {
    const { signal } = this.#options;
    const id = (this.#last += 1);
    const answered = Promise.withResolvers<Answer>();
    const onAbort = (): void => {
      this.#open.delete(id);
      answered.reject(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    this.#open.set(id, async (exchange) => {
      signal.removeEventListener("abort", onAbort);
      const problem = exchange.query.get("error");
      if (problem !== null) {
        answered.reject(new EngineError("not_found", ErrorCode.BAD_REQUEST, problem));
        exchange.empty(204);
        return;
      }
      const used = Promise.withResolvers<void>();
      const finish = (error?: unknown): void => (error === undefined ? used.resolve() : used.reject(error));
      answered.resolve({ exchange, finish });
      await used.promise;
    });
    this.#options.ask({ ...question, id });
    return answered.promise;
  }
}

function sizeOf(answer: Uint8Array): number {
  const value: unknown = JSON.parse(Buffer.from(answer).toString());
  const size: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "size") : undefined;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "the client told no size of a blob");
}

async function readSmall(exchange: Exchange, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of exchange.body()) {
    size += chunk.byteLength;
    if (size > limit)
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `the answer is bigger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
