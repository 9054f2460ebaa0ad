import { FRAME_HEADER_BYTES, STREAM_NUMBER } from "#engineapi";

/** What stands before the payload of a frame of Docker's multiplexed stream. */
export function frameHeader(stream: "stdout" | "stderr", payloadBytes: number): Uint8Array {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header[0] = STREAM_NUMBER[stream];
  header.writeUInt32BE(payloadBytes, 4);
  return header;
}
