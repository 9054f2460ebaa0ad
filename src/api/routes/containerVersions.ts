import type { ApiVersion } from "../version.ts";

type Json = Readonly<Record<string, unknown>>;

const V1_45: ApiVersion = 1045;
const SHORT_ID = 12;
/** Of these a container has no names. */
const NAMELESS: ReadonlySet<string> = new Set(["bridge", "default", "host", "none"]);

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A container's inspect as a client's version knows it: before 1.45 the short id was among the aliases. */
export function forVersion(body: Json, version: ApiVersion): Json {
  const { Id, NetworkSettings } = body;
  if (version >= V1_45 || typeof Id !== "string" || !isObject(NetworkSettings)) return body;
  const networks = NetworkSettings["Networks"];
  if (!isObject(networks)) return body;
  const adapted = Object.entries(networks).map(([name, endpoint]): [string, unknown] => {
    if (NAMELESS.has(name) || !isObject(endpoint)) return [name, endpoint];
    const aliases = endpoint["Aliases"];
    return [name, { ...endpoint, Aliases: [...(Array.isArray(aliases) ? aliases : []), Id.slice(0, SHORT_ID)] }];
  });
  return { ...body, NetworkSettings: { ...NetworkSettings, Networks: Object.fromEntries(adapted) } };
}
