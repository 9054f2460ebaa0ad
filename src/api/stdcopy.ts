const STREAM_NUMBER = { stdout: 1, stderr: 2 } as const;
const HEADER_BYTES = 8;

/**
 * A frame of Docker's multiplexed stream: 1 byte stream (1 stdout, 2 stderr), 3 zero bytes, u32 big-endian length, payload.
 * @see docker-engine-api v1.56, ContainerAttach, "Stream format"
 */
export function encodeFrame(stream: "stdout" | "stderr", payload: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.byteLength);
  frame.fill(0, 0, 4);
  frame[0] = STREAM_NUMBER[stream];
  frame.writeUInt32BE(payload.byteLength, 4);
  frame.set(payload, HEADER_BYTES);
  return frame;
}
