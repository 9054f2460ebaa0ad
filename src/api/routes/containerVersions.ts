import type { ApiVersion } from "../version.ts";

type Json = Readonly<Record<string, unknown>>;

const V1_45: ApiVersion = 1045;
const V1_48: ApiVersion = 1048;
const SHORT_ID = 12;
/** Of these a container has no names. */
const NAMELESS: ReadonlySet<string> = new Set(["bridge", "default", "host", "none"]);

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function withEndpoints(body: Json, change: (endpoint: Json, name: string) => Json): Json {
  const { NetworkSettings } = body;
  const networks = isObject(NetworkSettings) ? NetworkSettings["Networks"] : undefined;
  if (!isObject(NetworkSettings) || !isObject(networks)) return body;
  const adapted = Object.entries(networks).map(([name, endpoint]): [string, unknown] => [
    name,
    isObject(endpoint) ? change(endpoint, name) : endpoint,
  ]);
  return { ...body, NetworkSettings: { ...NetworkSettings, Networks: Object.fromEntries(adapted) } };
}

function withoutPriority(endpoint: Json): Json {
  const { GwPriority: _, ...rest } = endpoint;
  return rest;
}

/** A container's inspect as a client's version knows it: before 1.45 the short id was among the aliases, since 1.48 endpoints have a priority. */
export function forVersion(body: Json, version: ApiVersion): Json {
  if (version >= V1_48) return body;
  const { Id } = body;
  return withEndpoints(body, (later, name) => {
    const endpoint = withoutPriority(later);
    if (version >= V1_45 || NAMELESS.has(name) || typeof Id !== "string" || !("Aliases" in endpoint)) return endpoint;
    const { Aliases } = endpoint;
    return { ...endpoint, Aliases: [...(Array.isArray(Aliases) ? Aliases : []), Id.slice(0, SHORT_ID)] };
  });
}

/** A row of a list as a client's version knows it. */
export function rowForVersion(row: Json, version: ApiVersion): Json {
  return version >= V1_48 ? row : withEndpoints(row, withoutPriority);
}
