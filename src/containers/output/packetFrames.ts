import type { OutputFrame } from "../containerService.ts";

/** conmon's attach socket: the first byte of a packet says whose the rest is. */
const STREAMS: Readonly<Record<number, OutputFrame["stream"]>> = { 2: "stdout", 3: "stderr" };
/** A frame costs as much as some kilobytes do; clients make room for a whole one. */
const FRAME_BYTES = 64 << 10;

/**
 * conmon's packets as frames: what follows each other on one stream is joined. `first` is kept, those `behind` it are
 * copied.
 */
export function packetFrames(first: Buffer, behind: readonly Buffer[]): readonly OutputFrame[] {
  const frames: OutputFrame[] = [];
  let parts: Buffer[] = [];
  let stream: OutputFrame["stream"] | undefined;
  let bytes = 0;
  const flush = (): void => {
    const [only, ...more] = parts;
    const isKept = only?.buffer === first.buffer && more.length === 0;
    if (stream !== undefined && only !== undefined)
      frames.push({ stream, bytes: isKept ? only : Buffer.concat(parts, bytes) });
    parts = [];
    bytes = 0;
  };
  for (const packet of [first, ...behind]) {
    const [number = 0] = packet;
    const whose = STREAMS[number];
    if (whose === undefined) continue;
    if (whose !== stream || bytes + packet.byteLength - 1 > FRAME_BYTES) flush();
    stream = whose;
    parts.push(packet.subarray(1));
    bytes += packet.byteLength - 1;
  }
  flush();
  return frames;
}
