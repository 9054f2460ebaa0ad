import type { BuildProgress, SourcePlace, StatusState, VertexState } from "../contract.ts";
import type { Decoded, Encodable } from "../wire/types.ts";

/** Milliseconds since 1970 → protobuf's Timestamp. */
export function toTimestamp(ms: number): Encodable<"Timestamp"> {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

function optionalTime(ms: number | undefined): Encodable<"Timestamp"> | undefined {
  return ms === undefined ? undefined : toTimestamp(ms);
}

function toVertex(vertex: VertexState): Encodable<"Vertex"> {
  return { ...vertex, started: optionalTime(vertex.started), completed: optionalTime(vertex.completed) };
}

function toStatus(status: StatusState): Encodable<"VertexStatus"> {
  return {
    ...status,
    current: Math.floor(status.current),
    total: Math.floor(status.total),
    timestamp: toTimestamp(status.timestamp),
    started: optionalTime(status.started),
    completed: optionalTime(status.completed),
  };
}

function toPlace(source: SourcePlace | undefined): Pick<Encodable<"VertexWarning">, "info" | "ranges"> {
  if (source === undefined) return {};
  const { filename, data, ranges } = source;
  return {
    info: { filename, data, language: "Dockerfile" },
    ranges: ranges.map(({ start, end }) => ({ start: { line: start }, end: { line: end } })),
  };
}

/** Our event as the wire has it. */
export function toStatusResponse(event: BuildProgress): Encodable<"StatusResponse"> {
  return {
    vertexes: event.vertexes?.map(toVertex),
    statuses: event.statuses?.map(toStatus),
    logs: event.logs?.map(({ vertex, timestamp, stream, data }) => ({
      vertex,
      timestamp: toTimestamp(timestamp),
      stream,
      msg: data,
    })),
    warnings: event.warnings?.map(({ vertex, level, short, detail, url, source }) => ({
      vertex,
      level,
      short: Buffer.from(short),
      detail: detail.map((line) => Buffer.from(line)),
      url,
      ...toPlace(source),
    })),
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
  readonly #vertexes = new Map<string, VertexState>();
  #wake = Promise.withResolvers<void>();
  #isEnded = false;

  get vertexes(): Iterable<VertexState> {
    return this.#vertexes.values();
  }

  add(event: BuildProgress): void {
    if (this.#isEnded) return;
    for (const vertex of event.vertexes ?? []) this.#vertexes.set(vertex.digest, vertex);
    this.addRaw(toStatusResponse(event));
  }

  addRaw(event: Encodable<"StatusResponse">): void {
    if (this.#isEnded) return;
    this.#events.push(event);
    this.#kick();
  }

  /** What still runs ends with this error, if any; nothing is added afterwards. */
  end(error: string | undefined): void {
    if (error !== undefined) {
      const completed = Date.now();
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
