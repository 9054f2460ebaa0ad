import { EngineError, ErrorCode } from "#errors";
import { parsePlatform } from "#oci";
import type { FrontendOptions } from "./request.ts";

type Attributes = Readonly<Record<string, string>>;

const LIMITS = ["memory", "memswap", "cpushares", "cpuperiod", "cpuquota", "cpusetcpus", "cpusetmems"];

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** `build-arg:A=1` and the like → by what stands behind the prefix. */
function below(attributes: Attributes, prefix: string): ReadonlyMap<string, string> {
  const entries = Object.entries(attributes).filter(([key]) => key.startsWith(prefix));
  return new Map(entries.map(([key, value]) => [key.slice(prefix.length), value]));
}

const listOf = (text: string | undefined): readonly string[] =>
  (text ?? "").split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]));

const textOf = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

function networkModeOf(text: string | undefined): FrontendOptions["networkMode"] {
  switch (text) {
    case undefined:
    case "":
    case "default":
    case "sandbox":
      return "default";
    case "host":
    case "none":
      return text;
    default:
      throw refused(`invalid netmode "${text}"`);
  }
}

function resolveModeOf(text: string | undefined): FrontendOptions["imageResolveMode"] {
  switch (text) {
    case undefined:
    case "":
    case "default":
      return "default";
    case "pull":
    case "local":
      return text;
    default:
      throw refused(`invalid image-resolve-mode: ${text}`);
  }
}

function sizeOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d+$/.test(text)) throw refused(`failed to parse shm-size: ${text}`);
  return Number(text);
}

function booleanOf(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "") return false;
  if (/^(?:1|t|true)$/i.test(text)) return true;
  if (/^(?:0|f|false)$/i.test(text)) return false;
  throw refused(`invalid boolean value for ${name}: ${text}`);
}

/** Several platforms give an index unless it is said; one gives it if it is. */
function multiPlatformOf(text: string | undefined, isSeveral: boolean): boolean {
  if (text === undefined || text === "") return isSeveral;
  const isAsked = booleanOf("multi-platform", text);
  if (isSeveral && !isAsked) throw refused("conflicting config: returning multiple target platforms is not allowed");
  return isAsked;
}

function noCacheOf(text: string | undefined): FrontendOptions["noCache"] {
  if (text === undefined) return [];
  return text === "" ? "all" : listOf(text);
}

/**
 * The attributes of BuildKit's Dockerfile frontend as clients send them (`build-arg:A`, `no-cache`, `context:NAME`, …) → typed.
 * Unknown ones are kept in `raw` only. @throws {invalid_argument} for values that mean nothing
 */
export function parseFrontendAttributes(attributes: Attributes): FrontendOptions {
  const buildArguments = below(attributes, "build-arg:");
  const multiPlatform = attributes["multi-platform"] ?? buildArguments.get("BUILDKIT_MULTI_PLATFORM");
  const platforms = listOf(attributes["platform"]).map((text) => parsePlatform(text));
  const hostname = attributes["hostname"] ?? buildArguments.get("BUILDKIT_SANDBOX_HOSTNAME");
  return {
    filename: textOf(attributes["filename"]) ?? "Dockerfile",
    target: textOf(attributes["target"]),
    platforms,
    buildArguments,
    labels: below(attributes, "label:"),
    noCache: noCacheOf(attributes["no-cache"]),
    imageResolveMode: resolveModeOf(attributes["image-resolve-mode"]),
    addHosts: listOf(attributes["add-hosts"]),
    networkMode: networkModeOf(attributes["force-network-mode"]),
    shmSize: sizeOf(attributes["shm-size"]),
    ulimits: listOf(attributes["ulimit"]),
    cgroupParent: textOf(attributes["cgroup-parent"]),
    hostname: textOf(hostname),
    context: textOf(attributes["context"]),
    contextOwner: "kept",
    dockerfileDirectory: textOf(attributes["dockerfilekey"]) ?? "dockerfile",
    contextDirectory: textOf(attributes["contextkey"]) ?? "context",
    namedContexts: below(attributes, "context:"),
    sharedKeys: below(attributes, "sharedkey:localdir:"),
    multiPlatform: multiPlatformOf(multiPlatform, platforms.length > 1),
    attestations: below(attributes, "attest:"),
    subrequest: textOf(attributes["requestid"]),
    limits: Object.fromEntries(Object.entries(attributes).filter(([key]) => LIMITS.includes(key))),
    raw: attributes,
  };
}
