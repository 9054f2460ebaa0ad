import type { EventMessage, EventSink, Filters } from "#engineapi";
import { parseReference, repositoryOf, familiarName } from "#oci";
import type { EventRecords } from "#metadata";

/** What may be asked of past and coming events; times in nanoseconds since 1970. */
export interface EventSubscription {
  readonly since?: bigint;
  readonly until?: bigint;
  readonly filters: Filters;
  readonly signal: AbortSignal;
}

/** Records what rooms say happened and tells it to whoever listens. */
export interface EventBus {
  readonly emit: EventSink;
  /** Recorded events from `since` on (none without it), then live ones until `until` or the signal. */
  subscribe(subscription: EventSubscription): AsyncIterable<EventMessage>;
  /** Live subscribers, for `info`. */
  listeners(): number;
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const MAX_QUEUED = 10_000;

function repositoryName(name: string): string {
  try {
    return familiarName(repositoryOf(parseReference(name)));
  } catch {
    // An image ID or a free name is compared as it stands.
    return name;
  }
}

function matchesImage(event: EventMessage, wanted: string): boolean {
  const { ID, Attributes } = event.Actor;
  const names = [ID, Attributes[event.Type === "image" ? "name" : "image"] ?? ""];
  return names.some((name) => name === wanted || repositoryName(name) === wanted);
}

function matchesActor(event: EventMessage, type: EventMessage["Type"], wanted: string): boolean {
  return (
    event.Type === type &&
    (event.Actor.ID.startsWith(wanted) || (event.Actor.Attributes["name"] ?? "").startsWith(wanted))
  );
}

function matchesLabel(event: EventMessage, wanted: string): boolean {
  const [key = "", value] = wanted.split(/=(.*)/s, 2);
  const have = event.Actor.Attributes[key];
  return have !== undefined && (value === undefined || have === value);
}

function matchesOne(event: EventMessage, key: string, wanted: string): boolean {
  switch (key) {
    case "type":
      return event.Type === wanted;
    case "event":
      return event.Action === wanted || event.Action.split(":")[0] === wanted;
    case "scope":
      return event.scope === wanted;
    case "image":
      return matchesImage(event, wanted);
    case "label":
      return matchesLabel(event, wanted);
    case "container":
    case "network":
    case "volume":
    case "daemon":
      return matchesActor(event, key, wanted);
    case "plugin":
      return false; // there are none
    default:
      // As in Docker: a key that nobody knows filters nothing.
      return true;
  }
}

/** Values of one key are alternatives (labels: all must hold); keys must all hold. */
export function matchesEvent(event: EventMessage, filters: Filters): boolean {
  for (const [key, values] of filters) {
    const test = (wanted: string): boolean => matchesOne(event, key, wanted);
    if (values.length > 0 && !(key === "label" ? values.every(test) : values.some(test))) return false;
  }
  return true;
}

function toMessage(event: Parameters<EventSink>[0], nanoseconds: bigint): EventMessage {
  const old =
    event.Type === "image" || event.Type === "container"
      ? {
          status: event.Action,
          id: event.Actor.ID,
          ...(event.Actor.Attributes["image"] === undefined ? {} : { from: event.Actor.Attributes["image"] }),
        }
      : {};
  return {
    ...old,
    ...event,
    scope: "local",
    time: Number(nanoseconds / 1_000_000_000n),
    timeNano: Number(nanoseconds),
  };
}

interface Emitted {
  /** Nanoseconds since 1970, exact; `timeNano` on the wire is what a double holds of it. */
  readonly time: bigint;
  readonly message: EventMessage;
}

function parseRecord(document: string): EventMessage {
  return JSON.parse(document) as EventMessage;
}

/** One live listener: a bounded queue that the subscriber empties; the oldest go when it does not. */
class Listener {
  readonly #queue: Emitted[] = [];
  #wake: (() => void) | undefined;

  push(event: Emitted): void {
    this.#queue.push(event);
    if (this.#queue.length > MAX_QUEUED) this.#queue.shift();
    this.#wake?.();
  }

  take(): Emitted | undefined {
    return this.#queue.shift();
  }

  /** Resolves at the next event or when the signal fires. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#queue.length > 0 || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    await promise;
    signal.removeEventListener("abort", wake);
    this.#wake = undefined;
  }
}

/** Node's timers wrap around after 24.8 days; a day at a time is enough. */
const MAX_TIMER_MS = 86_400_000;

/** Fires at `until` by the clock, or with the subscriber's signal. The caller disposes its timer. */
function endOf({ until, signal }: EventSubscription, now: () => bigint): { readonly end: AbortSignal } & Disposable {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const arm = (at: bigint): void => {
    // Rounded up: the events of the last millisecond belong to the range.
    const left = Number((at - now() + NANOSECONDS_PER_MILLISECOND - 1n) / NANOSECONDS_PER_MILLISECOND);
    if (left <= 0) controller.abort();
    else timer = setTimeout(() => arm(at), Math.min(left, MAX_TIMER_MS)).unref();
  };
  if (until !== undefined) arm(until);
  return {
    end: until === undefined ? signal : AbortSignal.any([signal, controller.signal]),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

export function createEventBus(records: EventRecords, now: () => bigint = wallClock): EventBus {
  const listeners = new Set<Listener>();
  let last = 0n;

  const emit: EventSink = (event) => {
    const time = now();
    last = time > last ? time : last + 1n;
    const message = toMessage(event, last);
    records.append({ timeNanoseconds: last, document: JSON.stringify(message) });
    for (const listener of listeners) listener.push({ time: last, message });
  };

  async function* read(subscription: EventSubscription, listener: Listener): AsyncGenerator<EventMessage> {
    const { since, until, filters, signal } = subscription;
    // What is emitted while the records are read out waits in the listener; it is recorded after them.
    const recorded = since === undefined ? [] : records.since(since);
    using range = endOf(subscription, now);
    try {
      for (const record of recorded) {
        if (signal.aborted) return;
        if (until !== undefined && record.timeNanoseconds > until) break;
        const event = parseRecord(record.document);
        if (matchesEvent(event, filters)) yield event;
      }
      while (!range.end.aborted) {
        for (let next = listener.take(); next !== undefined; next = listener.take()) {
          if (until !== undefined && next.time > until) return;
          if (matchesEvent(next.message, filters)) yield next.message;
        }
        await listener.wait(range.end);
      }
    } finally {
      listeners.delete(listener);
    }
  }

  const subscribe = (subscription: EventSubscription): AsyncIterable<EventMessage> => {
    const listener = new Listener();
    return {
      [Symbol.asyncIterator]: () => {
        listeners.add(listener);
        return read(subscription, listener);
      },
    };
  };

  return { emit, subscribe, listeners: () => listeners.size };
}

/** How far the two clocks may be apart: one of them counts whole milliseconds. */
const CLOCK_TOLERANCE = 2n * NANOSECONDS_PER_MILLISECOND;

/** What {@link process.hrtime} must be moved by to tell the time of day. */
let offset = systemTime() - process.hrtime.bigint();

function systemTime(): bigint {
  return BigInt(Date.now()) * NANOSECONDS_PER_MILLISECOND;
}

/** The time of day with nanoseconds. It follows the system's clock when that is set: a client's `until` is of that clock. */
function wallClock(): bigint {
  const time = offset + process.hrtime.bigint();
  const system = systemTime();
  const apart = time - system;
  if (apart <= CLOCK_TOLERANCE && apart >= -CLOCK_TOLERANCE) return time;
  offset += system - time;
  return system;
}
