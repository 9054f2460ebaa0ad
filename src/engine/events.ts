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
  return event.Type === type && (event.Actor.ID.startsWith(wanted) || event.Actor.Attributes["name"] === wanted);
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
    default:
      return false;
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

/** One live listener: a bounded queue that the subscriber empties; the oldest go when it does not. */
class Listener {
  readonly #queue: EventMessage[] = [];
  #wake: (() => void) | undefined;

  push(event: EventMessage): void {
    this.#queue.push(event);
    if (this.#queue.length > MAX_QUEUED) this.#queue.shift();
    this.#wake?.();
  }

  take(): EventMessage | undefined {
    return this.#queue.shift();
  }

  /** Resolves at the next event, at `until` or when the signal fires. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#queue.length > 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#wake = undefined;
  }
}

/** Long timeouts wrap around in Node; a day at a time is enough, the loop waits again. */
const MAX_TIMER_MS = 86_400_000;

function endSignal(subscription: EventSubscription, now: bigint): AbortSignal {
  if (subscription.until === undefined) return subscription.signal;
  const left = Number((subscription.until - now) / NANOSECONDS_PER_MILLISECOND);
  return AbortSignal.any([subscription.signal, AbortSignal.timeout(Math.min(Math.max(left, 0), MAX_TIMER_MS))]);
}

export function createEventBus(records: EventRecords, now: () => bigint = wallClock): EventBus {
  const listeners = new Set<Listener>();
  let last = 0n;

  const emit: EventSink = (event) => {
    const time = now();
    last = time > last ? time : last + 1n;
    const message = toMessage(event, last);
    records.append({ timeNanoseconds: last, document: JSON.stringify(message) });
    for (const listener of listeners) listener.push(message);
  };

  async function* subscribe(subscription: EventSubscription): AsyncGenerator<EventMessage> {
    const listener = new Listener();
    listeners.add(listener);
    try {
      const { since, until, filters } = subscription;
      const passes = (event: EventMessage): boolean => matchesEvent(event, filters);
      const inTime = (time: bigint): boolean => until === undefined || time <= until;
      if (since !== undefined) {
        for (const record of records.since(since)) {
          const event = JSON.parse(record.document) as EventMessage;
          if (inTime(record.timeNanoseconds) && passes(event)) yield event;
        }
      }
      const end = endSignal(subscription, now());
      while (!end.aborted) {
        for (let event = listener.take(); event !== undefined; event = listener.take()) if (passes(event)) yield event;
        await listener.wait(end);
      }
    } finally {
      listeners.delete(listener);
    }
  }

  return { emit, subscribe, listeners: () => listeners.size };
}

const START = BigInt(Date.now()) * NANOSECONDS_PER_MILLISECOND - process.hrtime.bigint();

/** Wall clock with nanoseconds, monotonic within one process. */
function wallClock(): bigint {
  return START + process.hrtime.bigint();
}
