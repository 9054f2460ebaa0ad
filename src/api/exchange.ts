import { STATUS_CODES } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { createBodyWriter } from "./bodyWriter.ts";
import type { BodyWriter } from "./bodyWriter.ts";
import { acceptWebSocket, WebSocketStream } from "./webSocket.ts";
import { LATEST } from "./version.ts";
import type { ApiVersion } from "./version.ts";

const MAX_JSON_BODY = 4 << 20;

/** A connection taken over by a handler: attach and exec streams. */
export interface Hijacked {
  /** The connection itself, or what Node puts before one whose request had a body that came late. */
  readonly socket: Duplex;
  /** Bytes that came right behind the request's headers. */
  readonly head: Uint8Array;
}

/**
 * One request and its answer. Handlers answer through exactly one of `json`, `empty`, `stream` or `hijack`.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** Fires when the client goes away before the answer is complete. */
  readonly signal: AbortSignal;
  readonly #response: ServerResponse | undefined;
  readonly #upgrade: Hijacked | undefined;
  readonly #gone: () => void;
  #hijacked = false;
  #version: ApiVersion = LATEST;
  #params: Readonly<Record<string, string>> = {};

  constructor(parts: {
    readonly request: IncomingMessage;
    readonly response: ServerResponse | undefined;
    readonly upgrade: Hijacked | undefined;
    readonly query: URLSearchParams;
  }) {
    this.request = parts.request;
    this.#response = parts.response;
    this.#upgrade = parts.upgrade;
    this.query = parts.query;
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#gone = (): void => {
      if (this.#response?.writableFinished !== true)
        controller.abort(new EngineError("cancelled", ErrorCode.CANCELLED, "the client went away"));
    };
    (this.#response ?? parts.request.socket).once("close", this.#gone);
  }

  /** True once headers are out: an error can then no longer become a status. */
  get started(): boolean {
    return this.#hijacked || (this.#response?.headersSent ?? false);
  }

  /** The API version that the path asks for. */
  get version(): ApiVersion {
    return this.#version;
  }

  /** Tells what the router found; once, before the handler runs. */
  routed(version: ApiVersion, params: Readonly<Record<string, string>>): this {
    this.#version = version;
    this.#params = params;
    return this;
  }

  param(name: string): string {
    return this.#params[name] ?? "";
  }

  /** Docker's boolean query values: absent, "", 0, no, false and none are false. */
  flag(name: string, fallback = false): boolean {
    const value = this.query.get(name);
    if (value === null) return fallback;
    return !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
  }

  /** @throws {invalid_argument} when the value is no whole number. */
  integer(name: string): number | undefined {
    return (this.query.get(name) ?? "") === "" ? undefined : this.requiredInteger(name);
  }

  /** The same, and when there is none. */
  requiredInteger(name: string): number {
    const value = this.query.get(name) ?? "";
    if (!/^-?\d+$/.test(value))
      throw new EngineError(
        "invalid_argument",
        ErrorCode.BAD_REQUEST,
        `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    return Number(value);
  }

  /** The request body as JSON, at most 4 MiB. @throws {invalid_argument} in Docker's words when it is something else. */
  async readJson(): Promise<unknown> {
    const refuse = (message: string, cause?: unknown): EngineError =>
      new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause });
    const type = this.request.headers["content-type"] ?? "application/json";
    if (type.split(";", 1)[0]?.trim().toLowerCase() !== "application/json")
      throw refuse(`unsupported Content-Type header (${type}): must be 'application/json'`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.request as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > MAX_JSON_BODY) throw refuse("http: request body too large");
      chunks.push(chunk);
    }
    if (size === 0) throw refuse("invalid JSON: got EOF while reading request body");
    try {
      return JSON.parse(Buffer.concat(chunks).toString("utf8"));
    } catch (cause) {
      throw refuse(`invalid JSON: ${messageOf(cause).replaceAll(/\s+/g, " ")}`, cause);
    }
  }

  /** The same; a request that says it has no body asks with an empty object, whatever its type. */
  async readOptionalJson(): Promise<unknown> {
    const { headers } = this.request;
    const isEmpty = headers["transfer-encoding"] === undefined && (headers["content-length"] ?? "0") === "0";
    return isEmpty ? {} : this.readJson();
  }

  /** The request body as it comes, with back-pressure. */
  body(): AsyncIterable<Uint8Array> {
    return this.request;
  }

  /** For an answer that is still to come. */
  setHeader(name: string, value: string): void {
    this.#response?.setHeader(name, value);
  }

  json(status: number, value: unknown): void {
    this.#send(status, "application/json", `${JSON.stringify(value)}\n`);
  }

  text(status: number, value: string): void {
    this.#send(status, "text/plain; charset=utf-8", value);
  }

  empty(status: number): void {
    this.#send(status, undefined, "");
  }

  #send(status: number, type: string | undefined, text: string): void {
    const response = this.#response;
    if (response === undefined) {
      this.#refuseUpgrade(status, text);
      return;
    }
    if (type !== undefined) response.setHeader("Content-Type", type);
    if (status !== 204 && status !== 304) response.setHeader("Content-Length", Buffer.byteLength(text));
    response.writeHead(status);
    response.end(this.request.method === "HEAD" ? undefined : text);
  }

  #refuseUpgrade(status: number, text: string): void {
    const socket = this.#upgrade?.socket;
    socket?.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    );
  }

  /** Turns the connection into a WebSocket. @throws {invalid_argument} when the client asked for none */
  openWebSocket(): Duplex {
    const answer = acceptWebSocket(this.request.headers);
    if (this.#upgrade === undefined) throw new Error("the server upgrades no such request");
    this.#hijacked = true;
    const { socket, head } = this.#upgrade;
    socket.once("close", this.#gone);
    socket.write(answer);
    return new WebSocketStream(socket, head);
  }

  /**
   * Hands the connection over to another protocol, which both sides speak from here on. Waits until the answer is out:
   * Node's HTTP/2 takes the handle below the socket, and the whole process aborts when a write of TLS ends there then.
   */
  async upgrade(protocol: string): Promise<Duplex> {
    if (this.#upgrade === undefined) throw new Error("the server upgrades no such request");
    this.#hijacked = true;
    const { socket, head } = this.#upgrade;
    socket.once("close", this.#gone);
    const answer = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`;
    await new Promise<void>((resolve) => {
      socket.write(answer, () => resolve());
    });
    if (head.length > 0) socket.unshift(head);
    return socket;
  }

  /** Starts a streamed answer: its headers go out at once. */
  stream(status: number, type: string): BodyWriter {
    const response = this.#response;
    if (response === undefined)
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "this endpoint does not upgrade");
    response.writeHead(status, { "Content-Type": type });
    response.flushHeaders();
    return createBodyWriter(response);
  }

  /** Breaks the connection: for a failure after the answer began. */
  cut(): void {
    this.request.socket.destroy();
  }

  /**
   * Takes the connection over, as Docker does for attach: `101 UPGRADED` when the client asked for an upgrade, a plain
   * `200 OK` otherwise, whose type is that of a raw stream whatever comes. The caller owns the socket from then on; a client that ends its side can still be written to.
   */
  hijack(contentType: string): Hijacked {
    this.#hijacked = true;
    const socket = this.request.socket;
    socket.once("close", this.#gone);
    const upgrade = this.#upgrade;
    if (upgrade !== undefined) {
      socket.write(
        `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      );
      return upgrade;
    }
    this.#response?.detachSocket(socket);
    // The HTTP parser would read on, and close the connection when the client ends its side.
    socket.removeAllListeners("data").removeAllListeners("end");
    const giveBack = (): void => undefined;
    socket.on("readable", giveBack).off("readable", giveBack);
    socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
    return { socket, head: Buffer.alloc(0) };
  }
}
