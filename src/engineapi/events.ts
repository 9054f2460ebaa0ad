/** One event of `GET /events` (spec definition EventMessage); `time` in seconds, `timeNano` as bigint text on the wire. */
export interface EventMessage {
  /** Deprecated copies of Action, Actor.ID and Actor.Attributes.image, for old clients (dropped by API 1.52). */
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: "image" | "container" | "network" | "volume" | "daemon" | "builder";
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "local";
  readonly time: number;
  readonly timeNano: number;
}

/** What a room says happened; the engine adds time and scope, records it and tells subscribers. */
export type EventSink = (event: Pick<EventMessage, "Type" | "Action" | "Actor">) => void;
