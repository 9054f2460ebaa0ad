/**
 * One JSON line of a progress stream (pull, push, load, import, build): `pkg/jsonmessage` of moby. The wire text is made
 * by the API room; `progress` (the bar as text) is filled there for old clients.
 */
export interface ProgressMessage {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: ProgressDetail | Readonly<Record<string, never>>;
  readonly progress?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
  readonly aux?: Readonly<Record<string, unknown>>;
}

/** Bytes (or `units`) done of a total. */
export interface ProgressDetail {
  readonly current?: number;
  readonly total?: number;
  readonly start?: number;
  readonly hidecounts?: boolean;
  readonly units?: string;
}

/** Where progress goes; must not block: it drops or joins updates when the client is slow. */
export type ProgressSink = (message: ProgressMessage) => void;
