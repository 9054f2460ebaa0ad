/** Docker's multiplexed stream: 1 byte stream, 3 zero bytes, u32 big-endian length, payload. @see docker-engine-api v1.56, ContainerAttach */
export const STREAM_NUMBER = { stdout: 1, stderr: 2 } as const;
/** Bytes before a payload. */
export const FRAME_HEADER_BYTES = 8;
