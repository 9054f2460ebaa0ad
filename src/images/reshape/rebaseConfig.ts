import { isDeepStrictEqual } from "node:util";
import type { ContainerDefaults } from "#oci";

/** Fields that are maps: each key is a setting of its own. */
const MAPS = ["Labels", "ExposedPorts", "Volumes"] as const;

/**
 * What containers get after a rebase: what the image changed against its old base stays, everything else is the new base's. Variables of
 * Env, labels, ports and volumes are judged one by one, all other fields (Cmd, Entrypoint, User, WorkingDir, …) as a whole.
 */
export function rebaseConfig(
  image: ContainerDefaults,
  old: ContainerDefaults,
  next: ContainerDefaults,
): ContainerDefaults {
  const result: Record<string, unknown> = {};
  const [ours, theirs, others] = [image, old, next].map((config) => new Map<string, unknown>(Object.entries(config)));
  for (const key of new Set([...Object.keys(image), ...Object.keys(next)])) {
    const own = ours?.get(key);
    const value = isDeepStrictEqual(own ?? null, theirs?.get(key) ?? null) ? others?.get(key) : own;
    if (value !== undefined) result[key] = value;
  }
  const env = mergeMaps(envOf(image), envOf(old), envOf(next));
  const merged: Record<string, unknown> = {
    ...result,
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
  };
  if (Object.keys(env).length === 0) delete merged["Env"];
  for (const key of MAPS) {
    const map = mergeMaps<unknown>(image[key] ?? {}, old[key] ?? {}, next[key] ?? {});
    if (Object.keys(map).length > 0) merged[key] = map;
    else if (merged[key] !== null) delete merged[key];
  }
  return merged;
}

/** The new base's order, then the image's. */
function mergeMaps<T>(
  image: Readonly<Record<string, T>>,
  old: Readonly<Record<string, T>>,
  next: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  const merged = new Map<string, T>();
  for (const key of new Set([...Object.keys(next), ...Object.keys(image)])) {
    const isOwn = !isDeepStrictEqual(valueOf(image, key), valueOf(old, key));
    const value = isOwn ? valueOf(image, key) : valueOf(next, key);
    if (value !== undefined) merged.set(key, value);
  }
  return Object.fromEntries(merged);
}

function valueOf<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function envOf({ Env }: ContainerDefaults): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (Env ?? []).map((line) => {
      const equals = line.indexOf("=");
      return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
    }),
  );
}
