import type { SolveStatus, SolveVertex, SolveVertexStatus, SolveVertexWarning } from "#engineapi";
import type { Decoded, Encodable } from "../wire/types.ts";

const NANOSECOND_DIGITS = 9;

/** Milliseconds since 1970 → protobuf's Timestamp. */
export function toTimestamp(ms: number): Encodable<"Timestamp"> {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

/** RFC 3339, up to nanoseconds, → protobuf's Timestamp. */
function fromText(text: string | undefined): Encodable<"Timestamp"> | undefined {
  if (text === undefined) return undefined;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  const seconds = Math.floor(Date.parse(text) / 1000);
  return {
    seconds: BigInt(seconds),
    nanos: Number(fraction.padEnd(NANOSECOND_DIGITS, "0").slice(0, NANOSECOND_DIGITS)),
  };
}

function toVertex(vertex: SolveVertex): Encodable<"Vertex"> {
  return { ...vertex, started: fromText(vertex.started), completed: fromText(vertex.completed) };
}

function toStatus(status: SolveVertexStatus): Encodable<"VertexStatus"> {
  return {
    ...status,
    timestamp: fromText(status.timestamp),
    started: fromText(status.started),
    completed: fromText(status.completed),
  };
}

function toWarning(warning: SolveVertexWarning): Encodable<"VertexWarning"> {
  const { vertex, level, short, detail, url, sourceInfo, range } = warning;
  return {
    vertex,
    level,
    short: Buffer.from(short, "base64"),
    detail: detail?.map((line) => Buffer.from(line, "base64")),
    url,
    info: sourceInfo === undefined ? undefined : { ...sourceInfo, data: Buffer.from(sourceInfo.data, "base64") },
    ranges: range,
  };
}

/** A piece of progress as the wire has it. */
export function toStatusResponse(status: SolveStatus): Encodable<"StatusResponse"> {
  return {
    vertexes: status.vertexes?.map(toVertex),
    statuses: status.statuses?.map(toStatus),
    logs: status.logs?.map(({ vertex, timestamp, stream, data }) => ({
      vertex,
      timestamp: fromText(timestamp),
      stream,
      msg: Buffer.from(data, "base64"),
    })),
    warnings: status.warnings?.map(toWarning),
  };
}

/** A warning that a client-side frontend tells of. */
export function fromWarnRequest(request: Decoded<"WarnRequest">): Encodable<"StatusResponse"> {
  const { digest, ...rest } = request;
  return { warnings: [{ vertex: digest, ...rest }] };
}

/** All progress of one build: kept, so that whoever asks late hears it from the beginning. */
export class ProgressLog {
  readonly #events: Encodable<"StatusResponse">[] = [];
  readonly #vertexes = new Map<string, SolveVertex>();
  #wake = Promise.withResolvers<void>();
  #isEnded = false;
  #warnings = 0;
  #logBytes = 0;

  get vertexes(): Iterable<SolveVertex> {
    return this.#vertexes.values();
  }

  get warnings(): number {
    return this.#warnings;
  }

  /** What this log holds of output, in bytes. */
  get logBytes(): number {
    return this.#logBytes;
  }

  add(status: SolveStatus): void {
    if (this.#isEnded) return;
    for (const vertex of status.vertexes ?? []) this.#vertexes.set(vertex.digest, vertex);
    this.addRaw(toStatusResponse(status));
  }

  addRaw(event: Encodable<"StatusResponse">): void {
    if (this.#isEnded) return;
    this.#warnings += event.warnings?.length ?? 0;
    for (const { msg } of event.logs ?? []) this.#logBytes += msg?.length ?? 0;
    this.#events.push(event);
    this.#kick();
  }

  /** What still runs ends with this error, if any; nothing is added afterwards. */
  end(error: string | undefined): void {
    if (error !== undefined) {
      const completed = new Date().toISOString();
      const vertexes = [...this.#vertexes.values()]
        .filter((vertex) => vertex.started !== undefined && vertex.completed === undefined)
        .map((vertex) => ({ ...vertex, completed, error }));
      if (vertexes.length > 0) this.add({ vertexes });
    }
    this.#isEnded = true;
    this.#kick();
  }

  /** From the beginning to the end of the build. */
  async *follow(signal: AbortSignal): AsyncGenerator<Encodable<"StatusResponse">> {
    const stop = (): void => this.#kick();
    signal.addEventListener("abort", stop, { once: true });
    try {
      for (let next = 0; !signal.aborted; ) {
        const event = this.#events[next];
        if (event !== undefined) {
          next += 1;
          yield event;
        } else if (this.#isEnded) return;
        else await this.#wake.promise;
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #kick(): void {
    const wake = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    wake.resolve();
  }
}
