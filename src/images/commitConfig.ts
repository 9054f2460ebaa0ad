import type { ContainerDefaults, HealthConfig } from "#oci";

const nameOf = (variable: string): string => variable.split("=", 1)[0] ?? "";

type NamedSet = Readonly<Record<string, object>>;

const isFilled = (map: object | null | undefined): map is object =>
  map !== undefined && map !== null && Object.keys(map).length > 0;

function mergeMap(own: NamedSet | null | undefined, base: NamedSet | null | undefined): NamedSet | null | undefined {
  if (!isFilled(own)) return base;
  return isFilled(base) ? { ...base, ...own } : own;
}

function mergeEnv(own: readonly string[] | null | undefined, base: readonly string[] | null | undefined): typeof own {
  if (own === undefined || own === null || own.length === 0) return base;
  const names = new Set(own.map(nameOf));
  return [...own, ...(base ?? []).filter((variable) => !names.has(nameOf(variable)))];
}

const longer = (own: number | undefined, base: number | undefined): number | undefined =>
  own === undefined || own === 0 ? base : own;

function mergeHealth(own: HealthConfig | undefined, base: HealthConfig | undefined): HealthConfig | undefined {
  if (own === undefined || base === undefined) return own ?? base;
  const merged = {
    Test: own.Test === undefined || own.Test.length === 0 ? base.Test : own.Test,
    Interval: longer(own.Interval, base.Interval),
    Timeout: longer(own.Timeout, base.Timeout),
    StartPeriod: longer(own.StartPeriod, base.StartPeriod),
    StartInterval: longer(own.StartInterval, base.StartInterval),
    Retries: longer(own.Retries, base.Retries),
  };
  return withoutUndefined(merged);
}

/** The command goes with its entrypoint: an own one takes the base's command away. */
function mergeCommand(own: ContainerDefaults, base: ContainerDefaults): Pick<ContainerDefaults, "Cmd" | "Entrypoint"> {
  const hasEntrypoint = (own.Entrypoint?.length ?? 0) > 0;
  const hasCommand = (own.Cmd?.length ?? 0) > 0;
  return {
    Cmd: hasEntrypoint || hasCommand ? (own.Cmd ?? null) : (base.Cmd ?? null),
    Entrypoint: own.Entrypoint ?? base.Entrypoint ?? null,
  };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** One config over another, field by field, as dockerd's commit and build do it. */
export function mergeDefaults(own: ContainerDefaults, base: ContainerDefaults): ContainerDefaults {
  const volumes = mergeMap(own.Volumes, base.Volumes);
  const ports = mergeMap(own.ExposedPorts, base.ExposedPorts);
  const health = mergeHealth(own.Healthcheck, base.Healthcheck);
  const stopSignal = own.StopSignal || base.StopSignal;
  return {
    ...own,
    ...(ports === undefined ? {} : { ExposedPorts: ports }),
    User: own.User || (base.User ?? ""),
    Env: mergeEnv(own.Env, base.Env) ?? null,
    ...mergeCommand(own, base),
    ...(health === undefined ? {} : { Healthcheck: health }),
    Volumes: volumes ?? null,
    WorkingDir: own.WorkingDir || (base.WorkingDir ?? ""),
    Labels: { ...base.Labels, ...own.Labels },
    ...(stopSignal === undefined || stopSignal === "" ? {} : { StopSignal: stopSignal }),
  };
}
