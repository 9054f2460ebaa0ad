import type { SessionContent } from "#build";
import { isAlreadyExists, isNotFound } from "#errors";
import type { Digest } from "#oci";
import type { GrpcClient, Metadata } from "../grpc/client.ts";
import { SessionMethod } from "./methods.ts";

/** @see containerd v2 api/services/content/v1/content.proto, WriteAction */
const WRITE = { COMMIT: 2, WRITE: 1 } as const;
const CHUNK_BYTES = 1 << 20;
const STORE_ID = "buildkit-attachable-store-id";

/** A content store at the client's side, spoken to as containerd's. */
export class ClientContent implements SessionContent {
  readonly #client: GrpcClient;
  readonly #metadata: Metadata;

  /** `local:<directory>` or the name of an OCI layout. */
  constructor(client: GrpcClient, storeId: string) {
    this.#client = client;
    this.#metadata = { [STORE_ID]: storeId };
  }

  async info(digest: Digest): Promise<{ readonly size: number } | undefined> {
    try {
      const { info } = await this.#client.unary(
        SessionMethod.CONTENT_INFO,
        ["ContentInfoRequest", "ContentInfoResponse"],
        { digest },
        { metadata: this.#metadata },
      );
      return info === undefined ? undefined : { size: Number(info.size) };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async *read(
    digest: Digest,
    range?: { readonly offset: number; readonly length: number },
  ): AsyncGenerator<Uint8Array> {
    const call = this.#client.open(SessionMethod.CONTENT_READ, ["ReadContentRequest", "ReadContentResponse"], {
      metadata: this.#metadata,
    });
    await call.send({ digest, offset: BigInt(range?.offset ?? 0), size: BigInt(range?.length ?? 0) });
    call.end();
    try {
      for await (const { data } of call.messages()) if (data.length > 0) yield data;
    } finally {
      call.cancel();
    }
  }

  async write(digest: Digest, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const call = this.#client.open(SessionMethod.CONTENT_WRITE, ["WriteContentRequest", "WriteContentResponse"], {
      metadata: this.#metadata,
    });
    const known = { ref: `upload-${digest}`, total: BigInt(size), expected: digest };
    // Every message is answered; a client that answers none would hold its side up.
    const answers = (async (): Promise<void> => {
      for await (const _answer of call.messages());
    })();
    answers.catch(() => undefined);
    try {
      let offset = 0;
      for await (const chunk of bytes)
        for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
          const data = chunk.subarray(at, at + CHUNK_BYTES);
          await call.send({ action: WRITE.WRITE, ...known, offset: BigInt(offset), data });
          offset += data.length;
        }
      await call.send({ action: WRITE.COMMIT, ...known, offset: BigInt(offset) });
      call.end();
      await answers;
    } catch (error) {
      call.cancel();
      if (!isAlreadyExists(error)) throw error;
    }
  }
}
