import { randomUUID } from "node:crypto";
import type { SolveExplanation, SolveStatusSink, SolveVertex, SolveVertexStatus, SolveVertexWarning } from "#engineapi";
import { messageOf } from "#errors";
import { digestOf } from "#oci";
import type { StepProgress } from "../graph/handler.ts";
import type { Vertex } from "../graph/vertex.ts";

/** As often as BuildKit sends: more changes of a status line within it become one. ms */
const STATUS_INTERVAL = 100;

/** RFC 3339 with microseconds. */
function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  const fraction = String(Math.floor((now % 1000) * 1000)).padStart(6, "0");
  return `${new Date(now).toISOString().slice(0, 19)}.${fraction}Z`;
}

interface StatusLine {
  latest: SolveVertexStatus;
  sentAt: number;
}

/** Tells one build's client what its steps do. Every message is a full state; nothing here throws or waits. */
export class BuildProgress {
  readonly #sink: SolveStatusSink;
  readonly #vertices = new Map<string, SolveVertex>();
  readonly #lines = new Map<string, StatusLine>();

  constructor(sink: SolveStatusSink) {
    this.#sink = sink;
  }

  /** Shows a vertex and all below it, inputs first, as not started. */
  announce(vertex: Vertex): void {
    const found: SolveVertex[] = [];
    this.#collect(vertex, found);
    if (found.length > 0) this.#sink({ vertexes: found });
  }

  start(digest: string): void {
    this.#change(digest, { started: timestamp() });
  }

  complete(digest: string, error?: unknown): void {
    this.#change(digest, {
      completed: timestamp(),
      ...(error === undefined ? {} : { error: messageOf(error) }),
    });
  }

  cached(digest: string): void {
    const now = timestamp();
    this.#change(digest, { started: now, completed: now, cached: true });
  }

  /** What a vertex's step tells goes out under its name. */
  stepProgress(digest: string): StepProgress {
    return {
      status: (id, update) => this.#status(digest, id, update),
      log: (stream, data) => {
        if (!this.#vertices.has(digest)) return;
        const text = Buffer.from(data).toString("base64");
        this.#sink({ logs: [{ vertex: digest, stream, data: text, timestamp: timestamp() }] });
      },
    };
  }

  /** Work that is no vertex of the graph, shown like one. */
  async task<T>(name: string, work: (progress: StepProgress) => Promise<T>): Promise<T> {
    const digest = digestOf(randomUUID());
    this.#vertices.set(digest, { digest, name });
    this.start(digest);
    try {
      const result = await work(this.stepProgress(digest));
      this.complete(digest);
      return result;
    } catch (error) {
      this.complete(digest, error);
      throw error;
    }
  }

  warn(warning: SolveVertexWarning): void {
    this.#sink({ warnings: [warning] });
  }

  explain(explanation: SolveExplanation): void {
    this.#sink({ explanations: [explanation] });
  }

  #collect(vertex: Vertex, found: SolveVertex[]): void {
    if (this.#vertices.has(vertex.digest)) return;
    for (const input of vertex.inputs) this.#collect(input, found);
    if (vertex.hidden === true || vertex.operation.kind === "scratch" || vertex.operation.kind === "merge") return;
    const inputs = vertex.inputs.map(({ digest }) => digest).filter((digest) => this.#vertices.has(digest));
    const shown = { digest: vertex.digest, name: vertex.name, ...(inputs.length === 0 ? {} : { inputs }) };
    this.#vertices.set(vertex.digest, shown);
    found.push(shown);
  }

  #change(digest: string, change: Partial<SolveVertex>): void {
    const known = this.#vertices.get(digest);
    if (known === undefined) return;
    const now = { ...known, ...change };
    this.#vertices.set(digest, now);
    this.#sink({ vertexes: [now] });
  }

  #status(vertex: string, id: string, update: Parameters<StepProgress["status"]>[1]): void {
    if (!this.#vertices.has(vertex)) return;
    const key = `${vertex} ${id}`;
    const line = this.#lines.get(key);
    const now = timestamp();
    const latest: SolveVertexStatus = {
      id,
      vertex,
      current: update.current,
      ...(update.total === undefined || update.total === 0 ? {} : { total: update.total }),
      timestamp: now,
      started: line?.latest.started ?? now,
      ...(update.done === true ? { completed: now } : {}),
    };
    const sentAt = line?.sentAt ?? 0;
    const isDue = update.done === true || Date.now() - sentAt >= STATUS_INTERVAL;
    this.#lines.set(key, { latest, sentAt: isDue ? Date.now() : sentAt });
    if (isDue) this.#sink({ statuses: [latest] });
  }
}
