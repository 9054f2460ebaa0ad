import type { Duplex } from "node:stream";
import { EngineError, ErrorCode, isAlreadyExists, isNotFound } from "#errors";
import type { BuildSession, ClientCredentials, OutgoingEntry, OutputTarget, TreeRequest } from "../contract.ts";
import { receiveTree } from "../fsutil/receive.ts";
import { sendTree } from "../fsutil/send.ts";
import { GrpcClient } from "../grpc/client.ts";
import { isUnimplemented } from "../grpc/status.ts";
import { SessionMethod } from "./methods.ts";

/** As BuildKit bounds a question about credentials. */
const QUESTION_TIMEOUT_MS = 60_000;
const MAX_CHUNK_BYTES = 32 << 10;

/** What a client says of its session, in headers of `POST /session` or metadata of `Control/Session`. */
export interface SessionIdentity {
  readonly id: string;
  readonly sharedKey: string;
  /** `/moby.filesync.v1.FileSync/DiffCopy`, … */
  readonly methods: readonly string[];
}

/** Header values must be ASCII: the whole list is escaped if one of them is not. */
function encodePaths(key: string, values: readonly string[]): Record<string, string | readonly string[]> {
  if (values.length === 0) return {};
  // oxlint-disable-next-line no-control-regex -- printable ASCII is what a header can hold
  if (values.every((value) => /^[\x20-\x7e]*$/.test(value))) return { [key]: values };
  return {
    [key]: values.map((value) => encodeURIComponent(value).replaceAll("%20", "+")),
    [`${key}-encoded`]: "1",
  };
}

/** A client's session: its services, called over the connection that it dialled. */
export class GrpcSession implements BuildSession {
  readonly id: string;
  readonly sharedKey: string;
  /** Resolves when the client has gone. */
  readonly closed: Promise<void>;
  readonly #client: GrpcClient;
  readonly #methods: ReadonlySet<string>;

  constructor(identity: SessionIdentity, socket: Duplex) {
    this.id = identity.id;
    this.sharedKey = identity.sharedKey;
    this.#methods = new Set(identity.methods.map((method) => method.toLowerCase()));
    this.#client = new GrpcClient(socket);
    this.closed = this.#client.closed;
  }

  close(): void {
    this.#client.close();
  }

  async receiveTree(request: TreeRequest): Promise<void> {
    if (!this.#offers(SessionMethod.SYNC))
      throw new EngineError("not_found", ErrorCode.SESSION, "no local sources enabled");
    const call = this.#client.open(SessionMethod.SYNC, ["Packet", "Packet"], {
      metadata: {
        "dir-name": request.name,
        ...encodePaths("followpaths", request.followPaths),
        ...encodePaths("include-patterns", request.includePatterns),
        ...encodePaths("exclude-patterns", request.excludePatterns),
      },
      signal: request.signal,
    });
    await receiveTree(call, request.sink, request.onProgress ?? ((): void => undefined));
  }

  async *upload(url: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const [, host = "", path = ""] = /^https?:\/\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const call = this.#client.open(SessionMethod.UPLOAD, ["Bytes", "Bytes"], {
      metadata: { urlpath: path, urlhost: host },
      signal,
    });
    for await (const message of call.messages()) yield message.data;
  }

  async sendTree(
    target: OutputTarget & { readonly isMultiPlatform: boolean },
    entries: AsyncIterable<OutgoingEntry>,
  ): Promise<void> {
    this.#needOutput();
    const call = this.#client.open(SessionMethod.SEND, ["Packet", "Packet"], {
      metadata: {
        "buildkit-attachable-exporter-id": String(target.index),
        ...(target.isMultiPlatform ? { "buildkit-exporter-multi-platform": "1" } : {}),
      },
      signal: target.signal,
    });
    await sendTree(call, entries, target.onProgress ?? ((): void => undefined));
  }

  async sendFile(
    target: OutputTarget & { readonly metadata: Readonly<Record<string, string>> },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<boolean> {
    this.#needOutput();
    const described = Object.entries(target.metadata).map(([key, value]) => [
      `exporter-md-${key.toLowerCase()}`,
      value,
    ]);
    const call = this.#client.open(SessionMethod.SEND, ["Bytes", "Bytes"], {
      metadata: { "buildkit-attachable-exporter-id": String(target.index), ...Object.fromEntries(described) },
      signal: target.signal,
    });
    let sent = 0;
    try {
      for await (const chunk of bytes)
        for (let at = 0; at < chunk.length; at += MAX_CHUNK_BYTES) {
          const data = chunk.subarray(at, at + MAX_CHUNK_BYTES);
          await call.send({ data });
          sent += data.length;
          target.onProgress?.(sent);
        }
      call.end();
      await call.finished();
      return true;
    } catch (error) {
      call.cancel();
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  }

  async secret(id: string): Promise<Uint8Array | undefined> {
    if (!this.#offers(SessionMethod.SECRET)) return undefined;
    try {
      return (await this.#ask(SessionMethod.SECRET, ["GetSecretRequest", "Bytes"], { id })).data;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async credentials(host: string): Promise<ClientCredentials | undefined> {
    if (!this.#offers(SessionMethod.CREDENTIALS)) return undefined;
    try {
      return await this.#ask(SessionMethod.CREDENTIALS, ["CredentialsRequest", "CredentialsResponse"], { host });
    } catch (error) {
      if (isUnimplemented(error)) return undefined;
      throw error;
    }
  }

  async checkSshAgent(id: string): Promise<void> {
    if (!this.#offers(SessionMethod.SSH_CHECK))
      throw new EngineError(
        "not_found",
        ErrorCode.SESSION,
        `no SSH key ${JSON.stringify(id)} forwarded from the client`,
      );
    await this.#ask(SessionMethod.SSH_CHECK, ["CheckAgentRequest", "Empty"], { id });
  }

  async *sshAgent(id: string, from: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const call = this.#client.open(SessionMethod.SSH_FORWARD, ["Bytes", "Bytes"], {
      metadata: { "buildkit.ssh.id": id },
      signal,
    });
    const pump = async (): Promise<void> => {
      for await (const data of from) await call.send({ data });
      call.end();
    };
    pump().catch(() => call.cancel());
    try {
      for await (const message of call.messages()) yield message.data;
    } finally {
      call.cancel();
    }
  }

  #offers(method: string): boolean {
    return this.#methods.has(method.toLowerCase());
  }

  #needOutput(): void {
    if (!this.#offers(SessionMethod.SEND))
      throw new EngineError("not_found", ErrorCode.SESSION, "the client takes no output of this build");
  }

  #ask: GrpcClient["unary"] = (path, types, request) =>
    this.#client.unary(path, types, request, { signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS) });
}
