import type { ServerResponse } from "node:http";
import { EngineError, ErrorCode } from "#errors";
import { untilWritable } from "./drain.ts";

/** A streamed answer under way. */
export interface BodyWriter {
  /** Resolves when the client can take more. @throws {cancelled} when it is gone. */
  write(chunk: Uint8Array | string): Promise<void>;
  /** Writes without waiting: for small messages only. */
  post(chunk: string): void;
  /** True while the client is slower than we are: updates that can be lost should be. */
  congested(): boolean;
  end(): void;
  /** Breaks the connection, so that the client sees that the body is not whole. */
  cut(): void;
}

/** The body of an answer whose headers are out. */
export function createBodyWriter(response: ServerResponse): BodyWriter {
  return {
    write: async (chunk) => {
      if (response.destroyed) throw new EngineError("cancelled", ErrorCode.CANCELLED, "the client went away");
      if (!response.write(chunk)) await untilWritable(response);
    },
    post: (chunk) => {
      if (!response.destroyed) response.write(chunk);
    },
    congested: () => response.writableNeedDrain,
    end: () => {
      response.end();
    },
    cut: () => {
      response.destroy();
    },
  };
}
