import type { Exchange } from "./exchange.ts";

/** Sends bytes as they come; a failure on the way breaks the connection, for nothing else tells that they are not whole. */
export async function sendBytes(exchange: Exchange, type: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const body = exchange.stream(200, type);
  try {
    for await (const chunk of bytes) await body.write(chunk);
    body.end();
  } catch (error) {
    body.cut();
    throw error;
  }
}
