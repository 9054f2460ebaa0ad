import type { ExportRequest } from "#build";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { familiarName, parseReference, withDefaultTag } from "#oci";
import type { Exchange } from "../exchange.ts";

/** First version of the API with `platform`. */
const PLATFORM_SINCE = 1032;
const LIMITS = ["memory", "memswap", "cpushares", "cpuperiod", "cpuquota"];

/** `POST /build` as values. */
export interface ClassicOptions {
  /** Of BuildKit's Dockerfile frontend, without the context. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly buildArguments: Readonly<Record<string, string | null>>;
  readonly labels: Readonly<Record<string, string>>;
  /** As they are shown: `x:latest`. */
  readonly tags: readonly string[];
  readonly exports: readonly ExportRequest[];
  readonly cacheFrom: readonly string[];
  /** URL of a context that is not in the body. */
  readonly remote: string | undefined;
  readonly quiet: boolean;
  /** Say that intermediate containers are removed. */
  readonly remove: boolean;
  readonly buildId: string;
}

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

function json<T>(exchange: Exchange, name: string, what: string, empty: T): T {
  const text = exchange.query.get(name) ?? "";
  if (text === "") return empty;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused(`error reading ${what}: ${messageOf(error)}`);
  }
  if (value === null) return empty;
  if (typeof value !== "object" || Array.isArray(value) !== Array.isArray(empty)) {
    throw refused(`error reading ${what}: json: cannot unmarshal ${typeof value} into Go value`);
  }
  return value as T;
}

function strings(map: Readonly<Record<string, unknown>>, what: string): Readonly<Record<string, string | null>> {
  const wrong = Object.values(map).find((value) => typeof value !== "string" && value !== null);
  if (wrong !== undefined)
    throw refused(`error reading ${what}: json: cannot unmarshal ${typeof wrong} into Go value of type string`);
  return map as Readonly<Record<string, string | null>>;
}

interface WireUlimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

function checkFlags(exchange: Exchange): void {
  const { query } = exchange;
  if (query.has("securityopt")) throw refused("security options are not supported on linux");
  const isolation = query.get("isolation") ?? "";
  if (isolation !== "" && isolation !== "default") throw refused(`unsupported isolation: ${JSON.stringify(isolation)}`);
  if (exchange.flag("squash")) throw refused("squash is only supported with experimental mode");
  const version = query.get("version") ?? "";
  if (version === "2") {
    throw new EngineError(
      "not_implemented",
      ErrorCode.NOT_IMPLEMENTED,
      'version "2" of POST /build: BuildKit clients of this engine speak gRPC at /grpc',
      {
        hint: "use docker 23 or later, or DOCKER_BUILDKIT=0",
      },
    );
  }
  if (version !== "" && version !== "1") throw refused(`invalid version ${JSON.stringify(version)}`);
}

function networkMode(text: string): Readonly<Record<string, string>> {
  if (["", "default", "bridge"].includes(text)) return {};
  if (text === "host" || text === "none") return { "force-network-mode": text };
  throw refused(`network mode ${JSON.stringify(text)} not supported by buildkit`);
}

/** The older builder takes what is here, and pulls what is not. */
function resolveMode(exchange: Exchange): string {
  return exchange.flag("pull") ? "pull" : "local";
}

function attributesOf(exchange: Exchange): Readonly<Record<string, string>> {
  const { query } = exchange;
  const text = (name: string): string => query.get(name) ?? "";
  const optional = (key: string, value: string): Readonly<Record<string, string>> =>
    value === "" ? {} : { [key]: value };
  const size = exchange.integer("shmsize") ?? 0;
  const ulimits = json<readonly WireUlimit[]>(exchange, "ulimits", "ulimit settings", []);
  const hosts = query.getAll("extrahosts").flatMap((entry) => {
    const at = entry.indexOf(":");
    return at <= 0 ? [] : [`${entry.slice(0, at)}=${entry.slice(at + 1)}`];
  });
  const limits = LIMITS.flatMap((name) => {
    const value = exchange.integer(name) ?? 0;
    return value === 0 ? [] : [[name, String(value)] as const];
  });
  return {
    ...optional("filename", text("dockerfile")),
    ...optional("target", text("target")),
    ...optional("platform", exchange.version >= PLATFORM_SINCE ? text("platform").toLowerCase() : ""),
    ...(exchange.flag("nocache") ? { "no-cache": "" } : {}),
    "image-resolve-mode": resolveMode(exchange),
    ...networkMode(text("networkmode")),
    ...(size > 0 ? { "shm-size": String(size) } : {}),
    ...optional("ulimit", ulimits.map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`).join(",")),
    ...optional("add-hosts", hosts.join(",")),
    ...optional("cgroup-parent", text("cgroupparent")),
    ...Object.fromEntries(limits),
    ...optional("cpusetcpus", text("cpusetcpus")),
    ...optional("cpusetmems", text("cpusetmems")),
  };
}

function prefixed(prefix: string, map: Readonly<Record<string, string | null>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => (value === null ? [] : [[`${prefix}${key}`, value]])),
  );
}

function remoteOf(exchange: Exchange): string | undefined {
  const remote = exchange.query.get("remote") ?? "";
  if (remote === "") return undefined;
  if (/^(?:https?:\/\/|git:\/\/|ssh:\/\/|github\.com\/|git@)/.test(remote) || /\.git(?:#.*)?$/.test(remote))
    return remote;
  throw new EngineError("internal", ErrorCode.BAD_REQUEST, `remoteURL (${remote}) could not be recognized as URL`);
}

/** Query of `POST /build`. @throws {invalid_argument} in dockerd's words */
export function classicOptions(exchange: Exchange): ClassicOptions {
  checkFlags(exchange);
  const buildArguments = strings(json(exchange, "buildargs", "build args", {}), "build args");
  const labels = strings(json(exchange, "labels", "labels", {}), "labels");
  const tags = exchange.query
    .getAll("t")
    .filter((tag) => tag !== "")
    .map((tag) => withDefaultTag(parseReference(tag)));
  const shown = tags.map((tag) => `${familiarName(tag)}:${tag.tag ?? ""}`);
  const names = shown.length === 0 ? {} : { name: shown.join(",") };
  return {
    attributes: { ...attributesOf(exchange), ...prefixed("build-arg:", buildArguments), ...prefixed("label:", labels) },
    buildArguments,
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, value ?? ""])),
    tags: shown,
    exports: [{ type: "moby", attributes: names }],
    cacheFrom: json<readonly string[]>(exchange, "cachefrom", "cache-from", []).map(String),
    remote: remoteOf(exchange),
    quiet: exchange.flag("q"),
    remove: exchange.flag("forcerm") || exchange.flag("rm", true) || exchange.query.get("rm") === "",
    buildId: exchange.query.get("buildid") ?? "",
  };
}
