import { constants, performServerHandshake } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import { EngineError, ErrorCode } from "#errors";
import { decode } from "../wire/decode.ts";
import { encode } from "../wire/encode.ts";
import type { Decoded, Encodable, MessageName } from "../wire/types.ts";
import { frame } from "./framing.ts";
import { MessageReader } from "./messages.ts";
import { GrpcCode, GrpcError, statusOf, toTrailers } from "./status.ts";
import type { GrpcStatus } from "./status.ts";
import { writeTo } from "./writable.ts";

/** What a method knows of its call. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  /** Fires when the client cancels, goes away, or its deadline passes. */
  readonly signal: AbortSignal;
  /** Sends the response headers now, with these beside the usual ones: a client may wait for them before the first message. */
  start(extra?: Readonly<Record<string, string>>): void;
}

/** Answers calls of one method. */
export interface Method {
  run(requests: AsyncIterable<Buffer>, call: Call, answer: (message: Buffer) => Promise<void>): Promise<void>;
}

async function firstOf<N extends MessageName>(name: N, requests: AsyncIterable<Buffer>): Promise<Decoded<N>> {
  for await (const message of requests) return decode(name, message);
  throw new GrpcError(GrpcCode.INTERNAL, "grpc: the request has no message");
}

/** One message asks, one answers. */
export function unary<I extends MessageName, O extends MessageName>(
  input: I,
  output: O,
  answerTo: (request: Decoded<I>, call: Call) => Promise<Encodable<O>> | Encodable<O>,
): Method {
  return {
    run: async (requests, call, answer) => {
      const response = await answerTo(await firstOf(input, requests), call);
      await answer(encode(output, response));
    },
  };
}

/** One message asks, a series answers. */
export function serverStream<I extends MessageName, O extends MessageName>(
  input: I,
  output: O,
  answerTo: (request: Decoded<I>, call: Call) => AsyncIterable<Encodable<O>>,
): Method {
  return {
    run: async (requests, call, answer) => {
      for await (const response of answerTo(await firstOf(input, requests), call))
        await answer(encode(output, response));
    },
  };
}

/** Both sides send series. */
export function bidirectional<I extends MessageName, O extends MessageName>(
  input: I,
  output: O,
  converse: (
    requests: AsyncIterable<Decoded<I>>,
    call: Call,
    answer: (response: Encodable<O>) => Promise<void>,
  ) => Promise<void>,
): Method {
  return {
    run: (requests, call, answer) => {
      const decoded = async function* (): AsyncGenerator<Decoded<I>> {
        for await (const message of requests) yield decode(input, message);
      };
      return converse(decoded(), call, (response) => answer(encode(output, response)));
    },
  };
}

/** What a connection serves, and where it tells of our own failures. */
export interface ServeOptions {
  readonly methods: ReadonlyMap<string, Method>;
  readonly onFailure: (method: string, error: unknown) => void;
}

const SETTINGS = { initialWindowSize: 1 << 20, maxConcurrentStreams: 250, maxHeaderListSize: 1 << 20 };
const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds until a call's deadline; undefined = none. @see grpc PROTOCOL-HTTP2, Timeout */
export function parseTimeout(text: string | undefined): number | undefined {
  const [, amount, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(text ?? "") ?? [];
  return amount === undefined ? undefined : Math.min(Number(amount) * (UNIT_MS[unit] ?? 0), MAX_TIMER_MS);
}

function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
}

/** One call on one HTTP/2 stream. */
class ServerCall implements Call {
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  readonly #controller = new AbortController();
  #end: GrpcStatus = { code: GrpcCode.OK, message: "", details: [] };

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.headers = headers;
    this.#stream = stream;
    this.signal = this.#controller.signal;
    const gone = (): void => this.abort("cancelled", "context canceled");
    stream.on("error", gone).on("aborted", gone).on("close", gone);
    stream.on("wantTrailers", () => stream.sendTrailers(toTrailers(this.#end)));
  }

  abort(category: "cancelled", message: string): void {
    this.#controller.abort(new EngineError(category, ErrorCode.CANCELLED, message));
  }

  start(extra: Readonly<Record<string, string>> = {}): void {
    if (this.#stream.headersSent || this.#stream.closed || this.#stream.destroyed) return;
    this.#stream.respond({ ":status": 200, "content-type": "application/grpc", ...extra }, { waitForTrailers: true });
  }

  async answer(message: Buffer): Promise<void> {
    this.start();
    await writeTo(this.#stream, frame(message));
  }

  finish(status: GrpcStatus): void {
    if (this.#stream.closed || this.#stream.destroyed) return;
    this.#end = status;
    this.start();
    this.#stream.end();
  }
}

async function handle(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: ServeOptions): Promise<void> {
  const path = headerText(headers, ":path") ?? "";
  const call = new ServerCall(stream, headers);
  const reader = new MessageReader(stream);
  const timeoutMs = parseTimeout(headerText(headers, "grpc-timeout"));
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => call.abort("cancelled", "context deadline exceeded"), timeoutMs);
  try {
    const method = options.methods.get(path);
    if (method === undefined) throw unknownMethod(path);
    await method.run(reader, call, (message) => call.answer(message));
    call.finish({ code: GrpcCode.OK, message: "", details: [] });
  } catch (error) {
    const status = statusOf(error);
    if (status.code === GrpcCode.INTERNAL) options.onFailure(path, error);
    call.finish(status);
  } finally {
    clearTimeout(timer);
    reader.drop();
  }
}

function unknownMethod(path: string): GrpcError {
  const [, service = "", method = ""] = /^\/([^/]*)\/(.*)$/s.exec(path) ?? [];
  return new GrpcError(GrpcCode.UNIMPLEMENTED, `unknown method ${method} for service ${service}`);
}

/**
 * Serves gRPC on a connection: the peer speaks HTTP/2 from its first byte. The connection is the caller's until now and
 * nobody's afterwards: it closes with its peer. Resolves when it is closed.
 */
export function serveGrpc(socket: Duplex, options: ServeOptions): Promise<void> {
  // A client that only probes may have gone already: its socket tells of no end any more.
  if (socket.destroyed) return Promise.resolve();
  const session = performServerHandshake(socket, { settings: SETTINGS });
  // Go's closing GOAWAY names a stream that nghttp2 calls invalid: an error at the end of every connection, and none.
  session.on("error", () => undefined);
  session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (headers[":method"] !== "POST") stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else void handle(stream, headers, options);
  });
  return new Promise((resolve) => {
    const closed = (): void => {
      session.destroy();
      resolve();
    };
    socket.once("close", closed);
    session.once("close", closed);
  });
}
