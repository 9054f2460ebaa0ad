import { gzipSync } from "node:zlib";
import { addressOf, nativeFunction } from "./libc.ts";

/**
 * `struct inflate_state` of libisal 2.30 and 2.31 (igzip_lib.h): byte offsets of the fields that a caller sets and reads.
 * Debian ships the library without a promise on the layout, therefore every process proves it with a small stream first.
 */
const STATE = {
  NEXT_OUT: 0,
  AVAILABLE_OUT: 8,
  NEXT_IN: 16,
  AVAILABLE_IN: 32,
  BLOCK_STATE: 21_160,
  CRC_FLAG: 21_172,
  /** 87,368 in 2.30; the rest is room for a layout that grew, so that a wrong guess cannot write past the end. */
  BYTES: 256 << 10,
} as const;
const BLOCK_FINISH = 5;
const CRC_GZIP = 1;
const DECOMPRESSION_OK = 0;
const LIBRARY = "libisal.so.2";

/** What one call did. */
export interface InflateStep {
  /** Bytes of the input that were taken. */
  readonly consumed: number;
  /** Bytes of the output that were written. */
  readonly produced: number;
  /** The gzip member is complete and its checksum right; `reset` starts the next one. */
  readonly ended: boolean;
}

/** Synchronous gzip decompression for a worker thread: twice as fast as zlib. Not shared between threads. */
export interface Inflater {
  /** Goes on with `input` into `output`. @throws {Error} when the stream is damaged. */
  inflate(input: Uint8Array, output: Uint8Array): InflateStep;
  /** Forgets the member under way. */
  reset(): void;
}

const initialise = nativeFunction<[Buffer]>("void isal_inflate_init(void*)", LIBRARY);
const reset = nativeFunction<[Buffer]>("void isal_inflate_reset(void*)", LIBRARY);
const inflate = nativeFunction<[Buffer]>("int isal_inflate(void*)", LIBRARY);

/** Throws where the library is not installed. */
function createInflater(): Inflater {
  const state = Buffer.alloc(STATE.BYTES);
  const start = (): void => {
    state.writeUInt32LE(CRC_GZIP, STATE.CRC_FLAG);
  };
  initialise.call(state);
  start();
  return {
    inflate: (input, output) => {
      state.writeBigUInt64LE(BigInt(addressOf(output)), STATE.NEXT_OUT);
      state.writeUInt32LE(output.byteLength, STATE.AVAILABLE_OUT);
      state.writeBigUInt64LE(BigInt(addressOf(input)), STATE.NEXT_IN);
      state.writeUInt32LE(input.byteLength, STATE.AVAILABLE_IN);
      const result = inflate.call(state);
      if (result !== DECOMPRESSION_OK) throw new Error(`invalid gzip data (igzip ${result})`);
      return {
        consumed: input.byteLength - state.readUInt32LE(STATE.AVAILABLE_IN),
        produced: output.byteLength - state.readUInt32LE(STATE.AVAILABLE_OUT),
        ended: state.readUInt32LE(STATE.BLOCK_STATE) === BLOCK_FINISH,
      };
    },
    reset: () => {
      reset.call(state);
      start();
    },
  };
}

function proves(inflater: Inflater): boolean {
  const plain = Buffer.from("varve proves the layout of inflate_state ".repeat(64));
  const packed = gzipSync(plain);
  const output = Buffer.alloc(plain.byteLength + 16);
  try {
    const step = inflater.inflate(packed, output);
    inflater.reset();
    return step.ended && step.consumed === packed.byteLength && plain.equals(output.subarray(0, step.produced));
  } catch {
    return false; // an error is as good an answer as a wrong result
  }
}

/** undefined where libisal is not installed, or is one whose layout is not the known one: inflate with zlib then. */
export function openInflater(): Inflater | undefined {
  try {
    const inflater = createInflater();
    return proves(inflater) ? inflater : undefined;
  } catch {
    return undefined; // the package is optional
  }
}
