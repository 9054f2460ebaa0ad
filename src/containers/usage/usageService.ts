/** One sample of `GET /containers/{id}/stats` (spec definition ContainerStatsResponse), as dockerd 26 writes it. */
export type StatsResponse = Readonly<Record<string, unknown>>;

/** How a client wants samples. */
export interface StatsOptions {
  /** One a second until `signal` fires or the container is removed; else one alone. */
  readonly stream: boolean;
  /** With one alone: at once, without the sample of a second before to compare with. */
  readonly oneShot: boolean;
  readonly signal: AbortSignal;
}

/** `GET /containers/{id}/top`. */
export interface ProcessList {
  readonly Processes: readonly (readonly string[])[] | null;
  readonly Titles: readonly string[];
}

/**
 * What containers use. Both throw {not_found} CONTAINER_NOT_FOUND, before the first sample.
 */
export interface UsageService {
  /** A container that does not run has nothing but its name to tell, and goes on doing so. A slow reader misses samples. */
  stats(reference: string, options: StatsOptions): AsyncIterable<StatsResponse>;
  /** Processes of a container as the host's ps(1) shows them with these arguments. @throws {conflict} CONTAINER_STATE {internal} what ps says */
  top(reference: string, psArguments: string): Promise<ProcessList>;
}
