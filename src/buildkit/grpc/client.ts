import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import { messageOf } from "#errors";
import { decode } from "../wire/decode.ts";
import { encode } from "../wire/encode.ts";
import type { Decoded, Encodable, MessageName } from "../wire/types.ts";
import { frame } from "./framing.ts";
import { joinFrames } from "./joinFrames.ts";
import { MessageReader } from "./messages.ts";
import { errorOfTrailers, GrpcCode, GrpcError } from "./status.ts";
import { writeTo } from "./writable.ts";

/** Request metadata; a list is sent as that many headers. */
export type Metadata = Readonly<Record<string, string | readonly string[]>>;

/** How a call is made. */
export interface CallOptions {
  readonly metadata?: Metadata;
  readonly signal?: AbortSignal | undefined;
}

const STREAM_WINDOW = 8 << 20;
const CONNECTION_WINDOW = 16 << 20;
/** Above the windows: beyond this bound Node refuses further streams (several directories come at the same time). */
const SESSION_MEMORY_MB = 64;

/** A call under way: messages in both directions until its status. */
export class ClientCall<I extends MessageName, O extends MessageName> {
  readonly #stream: ClientHttp2Stream;
  readonly #reader: MessageReader;
  readonly #types: readonly [I, O];
  readonly #status: Promise<GrpcError | undefined>;
  readonly #queued: Buffer[] = [];
  #receivedBytes = 0;

  constructor(stream: ClientHttp2Stream, types: readonly [I, O], signal: AbortSignal | undefined) {
    this.#stream = stream;
    this.#types = types;
    let headers: IncomingHttpHeaders | undefined;
    stream.on("response", (response) => {
      headers = response;
    });
    stream.on("trailers", (trailers: IncomingHttpHeaders) => {
      headers = trailers;
    });
    this.#status = new Promise((resolve) => {
      let failure: GrpcError | undefined;
      stream.on("error", (error: Error) => {
        failure ??= new GrpcError(GrpcCode.UNAVAILABLE, messageOf(error));
      });
      stream.on("close", () =>
        resolve(headers?.["grpc-status"] === undefined && failure !== undefined ? failure : errorOfTrailers(headers)),
      );
    });
    // The peer is done, whatever we still had to say: as its own RST_STREAM would, this lets the stream close.
    stream.on("end", () => {
      if (!stream.writableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    this.#reader = new MessageReader(stream);
    const cancel = (): void => this.cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    stream.once("close", () => signal?.removeEventListener("abort", cancel));
    if (signal?.aborted === true) this.cancel();
  }

  /** Of the messages read so far. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Resolves when the peer can take more. */
  send(message: Encodable<I>): Promise<void> {
    return writeTo(this.#stream, frame(encode(this.#types[0], message)));
  }

  /** Sent with what follows, by `flush`. */
  queue(message: Encodable<I>): void {
    this.#queued.push(frame(encode(this.#types[0], message)));
  }

  /** Resolves when the peer can take more. */
  async flush(): Promise<void> {
    if (this.#queued.length > 0) await writeTo(this.#stream, Buffer.concat(this.#queued.splice(0)));
  }

  /** Nothing more is sent. */
  end(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** What the peer sends; ends with its status. @throws {GrpcError} when that is no OK */
  async *messages(): AsyncGenerator<Decoded<O>> {
    yield* this.#decoded();
    await this.finished();
  }

  /** As `messages`, undecoded, as many at a time as have come. */
  async *batches(): AsyncGenerator<readonly Buffer[]> {
    yield* this.#batches();
    await this.finished();
  }

  /** Waits for the peer's status. @throws {GrpcError} */
  async finished(): Promise<void> {
    const failure = await this.#status;
    if (failure !== undefined) throw failure;
  }

  async *#decoded(): AsyncGenerator<Decoded<O>> {
    for await (const batch of this.#batches()) for (const message of batch) yield decode(this.#types[1], message);
  }

  async *#batches(): AsyncGenerator<readonly Buffer[]> {
    try {
      for (let batch = await this.#reader.nextBatch(); batch !== undefined; batch = await this.#reader.nextBatch()) {
        for (const message of batch) this.#receivedBytes += message.length;
        yield batch;
      }
    } catch (error) {
      // The status says why a stream broke; an error of our own reading is told as it is.
      if (!this.#stream.destroyed) {
        this.cancel();
        throw error;
      }
    } finally {
      this.#reader.drop();
    }
  }
}

/** Calls the services that a peer offers on a connection; we dial nothing. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex) {
    const joined = joinFrames(socket);
    this.#session = connect("http://localhost", {
      createConnection: () => joined,
      settings: { initialWindowSize: STREAM_WINDOW, enablePush: false },
      maxReservedRemoteStreams: 0,
      maxSessionMemory: SESSION_MEMORY_MB,
    });
    this.#session.on("error", () => undefined);
    this.#session.once("connect", (session: ClientHttp2Session) => {
      // It comes a tick late: the client may have gone by then.
      if (!session.destroyed) session.setLocalWindowSize(CONNECTION_WINDOW);
    });
    this.closed = new Promise((resolve) => {
      const done = (): void => {
        this.#session.destroy();
        resolve();
      };
      joined.once("close", done);
      this.#session.once("close", done);
      if (joined.destroyed) done();
    });
  }

  /** @throws {unavailable} when the connection is gone */
  open<I extends MessageName, O extends MessageName>(
    path: string,
    types: readonly [I, O],
    options: CallOptions = {},
  ): ClientCall<I, O> {
    if (this.#session.closed || this.#session.destroyed)
      throw new GrpcError(GrpcCode.UNAVAILABLE, "the client has gone away");
    const stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      ":scheme": "http",
      ":authority": "localhost",
      "content-type": "application/grpc",
      te: "trailers",
      ...options.metadata,
    });
    return new ClientCall(stream, types, options.signal);
  }

  /** One message asks, one answers. @throws {GrpcError} */
  async unary<I extends MessageName, O extends MessageName>(
    path: string,
    types: readonly [I, O],
    request: Encodable<I>,
    options: CallOptions = {},
  ): Promise<Decoded<O>> {
    const call = this.open(path, types, options);
    await call.send(request);
    call.end();
    let answer: Decoded<O> | undefined;
    for await (const message of call.messages()) answer ??= message;
    if (answer === undefined) throw new GrpcError(GrpcCode.INTERNAL, `${path}: the answer has no message`);
    return answer;
  }

  close(): void {
    this.#session.destroy();
  }
}
