import type { ByteSource } from "./jobs.ts";
import { PayloadReader } from "./payloadReader.ts";
import { RingConsumer } from "./ring.ts";
import type { StopFlag } from "./stopFlag.ts";

const CHUNK_BYTES = 1 << 18;

/** Hands every chunk of a source to `use`, in order; a chunk is valid during its call only. Worker threads only. */
export function drain(source: ByteSource, stop: StopFlag, use: (chunk: Buffer) => void): void {
  if (source.from === "file") {
    using reader = new PayloadReader(source, stop, CHUNK_BYTES);
    for (let chunk = reader.read(); chunk !== undefined; chunk = reader.read()) use(chunk);
    return;
  }
  const ring = new RingConsumer(source.ring);
  for (let chunk = ring.take(stop); chunk !== undefined; chunk = ring.take(stop)) {
    use(chunk);
    ring.release();
  }
}
