import { FRAME_HEADER_BYTES, STREAM_NUMBER } from "#engineapi";

/** A frame of Docker's multiplexed stream. */
export function encodeFrame(stream: "stdout" | "stderr", payload: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.byteLength);
  frame.fill(0, 0, 4);
  frame[0] = STREAM_NUMBER[stream];
  frame.writeUInt32BE(payload.byteLength, 4);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}
