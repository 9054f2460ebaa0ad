import type { ContainerDefaults, ImageConfig } from "#oci";

/** One value of two image configs that is not the same in both; texts as written, lists and objects as JSON. */
export interface ConfigDifference {
  /** As the config spells it: `Env`, `Cmd`, `Labels`, `architecture` … */
  readonly field: string;
  /** Of fields with several values: the variable, label, port or path. */
  readonly key: string | undefined;
  /** Undefined: the image has none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

type Values = ReadonlyMap<string, string>;

function envOf(config: ContainerDefaults): Values {
  return new Map(
    (config.Env ?? []).map((item) => {
      const equals = item.indexOf("=");
      return equals < 0 ? [item, ""] : [item.slice(0, equals), item.slice(equals + 1)];
    }),
  );
}

const keysOf = (map: Readonly<Record<string, object>> | null | undefined): Values =>
  new Map(Object.keys(map ?? {}).map((key) => [key, ""]));

const KEYED: Readonly<Record<string, (config: ContainerDefaults) => Values>> = {
  Env: envOf,
  Labels: (config) => new Map(Object.entries(config.Labels ?? {})),
  ExposedPorts: (config) => keysOf(config.ExposedPorts),
  Volumes: (config) => keysOf(config.Volumes),
};

const PLAIN = [
  "Entrypoint",
  "Cmd",
  "User",
  "WorkingDir",
  "StopSignal",
  "StopTimeout",
  "Healthcheck",
  "Shell",
  "OnBuild",
] as const;
const TOP = ["os", "architecture", "variant", "os.version", "author"] as const;

/** Empty, null and absent are one. */
function shown(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (Array.isArray(value) && value.length === 0) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}

function diffKeyed(field: string, before: Values, after: Values): readonly ConfigDifference[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => ({ field, key, before: before.get(key), after: after.get(key) }));
}

function diffPlain(field: string, before: unknown, after: unknown): readonly ConfigDifference[] {
  const [left, right] = [shown(before), shown(after)];
  return left === right ? [] : [{ field, key: undefined, before: left, after: right }];
}

/** What containers of two images would find otherwise: platform, then the execution part. When they were made is not told. */
export function diffConfig(before: ImageConfig, after: ImageConfig): readonly ConfigDifference[] {
  const [left, right] = [before.config ?? {}, after.config ?? {}];
  return [
    ...TOP.flatMap((field) => diffPlain(field, before[field], after[field])),
    ...Object.entries(KEYED).flatMap(([field, of]) => diffKeyed(field, of(left), of(right))),
    ...PLAIN.flatMap((field) => diffPlain(field, left[field], right[field])),
  ];
}
