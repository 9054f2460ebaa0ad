import type { ContainerDefaults, DiffId, HealthConfig, HistoryEntry } from "#oci";
import type { ImageDraft } from "../plan.ts";
import { goJson, goMap, withoutEmpty } from "./goJson.ts";
import { goTime, normalizeHistory, trimTime } from "./history.ts";

/** What is known of an image once its steps are done. */
export interface FinishedImage {
  readonly draft: ImageDraft;
  /** base first */
  readonly diffIds: readonly DiffId[];
  /** Of each layer, ms since 1970. */
  readonly createdAt: readonly (number | undefined)[];
  /** An exporter's `source-date-epoch`, seconds: no later time is told. */
  readonly epoch: number | undefined;
  /** Goes in as `moby.buildkit.cache.v0`. */
  readonly inlineCache?: string | undefined;
}

/** The config's bytes as BuildKit writes them: the same build gives the same image ID on both engines. */
export function writeImageConfig(image: FinishedImage): Uint8Array {
  const { draft, diffIds } = image;
  const { platform, base } = draft;
  const history = historyOf(image);
  const created = clamp(createdOf(draft, history), image.epoch);
  const features = base?.["os.features"] ?? platform["os.features"];
  // A Go map of raw values: the outer keys are sorted, the inner ones are in the order of their structs.
  return Buffer.from(
    goJson(
      goMap({
        architecture: platform.architecture,
        ...withoutEmpty({ author: draft.author }),
        config: configOf(draft.config),
        created: created ?? null,
        history: history.length === 0 ? null : history,
        ...(image.inlineCache === undefined ? {} : { "moby.buildkit.cache.v0": image.inlineCache }),
        os: platform.os,
        ...withoutEmpty({ "os.features": features, "os.version": base?.["os.version"] ?? platform["os.version"] }),
        rootfs: { type: "layers", diff_ids: diffIds.length === 0 ? null : diffIds },
        ...withoutEmpty({ variant: platform.variant }),
      }),
    ),
  );
}

function createdOf({ epoch }: ImageDraft, history: readonly HistoryEntry[]): string | undefined {
  if (epoch !== undefined) return goTime(epoch * 1000);
  return history.findLast(({ created }) => created !== undefined)?.created;
}

function historyOf({ draft, diffIds, createdAt, epoch }: FinishedImage): readonly HistoryEntry[] {
  const given = draft.history.map((entry) => ({
    entry: entry.created === undefined && draft.epoch !== undefined ? withTime(entry, draft.epoch) : entry,
    isNew: entry.created === undefined,
  }));
  const layers = diffIds.map((_diffId, index) => ({ createdAt: createdAt[index] }));
  const all = normalizeHistory(
    given.map(({ entry }) => entry),
    layers,
  );
  // The base's times stay as they are, as in BuildKit since 0.14.
  return all.map((entry, index) => goHistory(entry, given[index]?.isNew === false ? undefined : epoch));
}

function withTime(entry: HistoryEntry, epoch: number): HistoryEntry {
  return { ...entry, created: goTime(epoch * 1000) };
}

function clamp(created: string | undefined, epoch: number | undefined): string | undefined {
  if (created === undefined || epoch === undefined || Date.parse(created) <= epoch * 1000) return created;
  return goTime(epoch * 1000);
}

function goHistory(entry: HistoryEntry, epoch: number | undefined): HistoryEntry {
  const created = clamp(entry.created, epoch);
  return withoutEmpty({
    created: created === undefined ? undefined : trimTime(created),
    created_by: entry.created_by,
    author: entry.author,
    comment: entry.comment,
    empty_layer: entry.empty_layer,
  });
}

function configOf(config: ContainerDefaults): Readonly<Record<string, unknown>> {
  const map = <V>(value: Readonly<Record<string, V>> | null | undefined): Readonly<Record<string, V>> | undefined =>
    value === undefined || value === null ? undefined : goMap(value);
  return withoutEmpty({
    User: config.User,
    ExposedPorts: map(config.ExposedPorts),
    Env: config.Env,
    Entrypoint: config.Entrypoint,
    Cmd: config.Cmd,
    Volumes: map(config.Volumes),
    WorkingDir: config.WorkingDir,
    Labels: map(config.Labels),
    StopSignal: config.StopSignal,
    ArgsEscaped: config.ArgsEscaped,
    Healthcheck: config.Healthcheck === undefined ? undefined : healthOf(config.Healthcheck),
    OnBuild: config.OnBuild,
    Shell: config.Shell,
  });
}

function healthOf(health: HealthConfig): Readonly<Record<string, unknown>> {
  const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = health;
  return withoutEmpty({ Test, Interval, Timeout, StartPeriod, StartInterval, Retries });
}
