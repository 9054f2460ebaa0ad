import type { HistoryEntry } from "#oci";

/** A layer that the history tells of. */
export interface LayerTime {
  /** ms since 1970; undefined: not this build's. */
  readonly createdAt: number | undefined;
}

/**
 * BuildKit's normalizeLayersAndHistory: as many entries without `empty_layer` as there are layers, every entry with a
 * time. A step gets its layer's time; one without a layer the time of the first new layer, or of what came before it.
 */
export function normalizeHistory(
  history: readonly HistoryEntry[],
  layers: readonly LayerTime[],
): readonly HistoryEntry[] {
  return fillTimes(layerTimes(withAllLayers(history, layers), layers));
}

function withAllLayers(history: readonly HistoryEntry[], layers: readonly LayerTime[]): readonly HistoryEntry[] {
  const told = history.filter(({ empty_layer: isEmpty }) => isEmpty !== true).length;
  if (told > layers.length) return withoutSurplus(history, layers.length);
  const missing = layers.slice(told).map(({ createdAt }) => ({
    ...(createdAt === undefined ? {} : { created: goTime(createdAt) }),
    created_by: "created by buildkit",
    comment: "buildkit.exporter.image.v0",
  }));
  return [...history, ...missing];
}

/** A config that tells of more layers than there are: the surplus is called empty. */
function withoutSurplus(history: readonly HistoryEntry[], most: number): readonly HistoryEntry[] {
  let seen = 0;
  return history.map((entry) => {
    if (entry.empty_layer === true) return entry;
    seen += 1;
    return seen > most ? { ...entry, empty_layer: true } : entry;
  });
}

function layerTimes(history: readonly HistoryEntry[], layers: readonly LayerTime[]): readonly HistoryEntry[] {
  let index = -1;
  return history.map((entry) => {
    if (entry.empty_layer === true) return entry;
    index += 1;
    const createdAt = layers[index]?.createdAt;
    return entry.created !== undefined || createdAt === undefined ? entry : { ...entry, created: goTime(createdAt) };
  });
}

function fillTimes(history: readonly HistoryEntry[]): readonly HistoryEntry[] {
  let created = firstNewTime(history);
  let isPastGap = false;
  return history.map((entry) => {
    if (entry.created !== undefined) {
      if (isPastGap) created = entry.created;
      return entry;
    }
    isPastGap = true;
    return created === undefined ? entry : { ...entry, created };
  });
}

function firstNewTime(history: readonly HistoryEntry[]): string | undefined {
  let created: string | undefined;
  let isPastGap = false;
  for (const entry of history) {
    if (entry.created === undefined) {
      isPastGap = true;
      continue;
    }
    created = entry.created;
    if (isPastGap) break;
  }
  return created;
}

/** RFC 3339 as Go writes it: no trailing zeros. `ms` since 1970. */
export function goTime(ms: number): string {
  return trimTime(new Date(ms).toISOString());
}

/** `2020-01-02T03:04:05.500Z` → `2020-01-02T03:04:05.5Z`: what reading and writing a time in Go makes of it. */
export function trimTime(text: string): string {
  return text.replace(/\.(\d*?)0+(?=Z|[+-]|$)/, (_all, digits: string) => (digits === "" ? "" : `.${digits}`));
}
