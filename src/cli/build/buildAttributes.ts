import type { Ulimit } from "../options/devices.ts";
import { parsePlatform } from "#oci";
import { goQuote } from "#gotext";
import type { BuildFlags } from "./buildFlags.ts";
import { hostPair, parseAttestations } from "./specs.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Attributes = Record<string, string>;

const CALLS: Readonly<Record<string, string>> = {
  check: "frontend.lint",
  lint: "frontend.lint",
  outline: "frontend.outline",
  targets: "frontend.targets",
};

/** `--call=outline,format=json` → what is asked of the frontend, and how to show it; undefined: a build. */
export interface Call {
  readonly name: string;
  readonly request: string;
  readonly format: string;
  readonly ignoreStatus: boolean;
}

/** `--call`, `--check`. @throws {Error} for a call that is none */
export function parseCall(flags: Pick<BuildFlags, "call" | "check">): Call | undefined {
  const [name = "", ...options] = (flags.check ? "check" : flags.call).split(",");
  if (name === "build" || name === "") return undefined;
  const request = CALLS[name];
  if (request === undefined)
    throw new Error(`unknown call method ${goQuote(name)}: one of build, check, outline, targets`);
  const values = new Map(options.map((text) => [text.split("=")[0] ?? "", text.split("=").slice(1).join("=")]));
  return {
    name: request.slice("frontend.".length),
    request,
    format: values.get("format") ?? "",
    ignoreStatus: values.has("ignorestatus"),
  };
}

/** `A=b`, or `A` with our own value; a name that we have none for is left out. */
function buildArguments(list: readonly string[], environment: Environment): Attributes {
  const found: Attributes = {};
  for (const text of list) {
    const at = text.indexOf("=");
    const name = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? environment[name] : text.slice(at + 1);
    if (value !== undefined) found[`build-arg:${name}`] = value;
  }
  return found;
}

function labels(list: readonly string[]): Attributes {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf("=");
      return at < 0 ? [`label:${text}`, ""] : [`label:${text.slice(0, at)}`, text.slice(at + 1)];
    }),
  );
}

function ulimitText({ Name, Soft, Hard }: Ulimit): string {
  return `${Name}=${Soft}:${Hard}`;
}

function platformText(text: string): string {
  parsePlatform(text);
  return text.toLowerCase();
}

function networkMode(mode: string): Attributes {
  if (mode === "" || mode === "default") return {};
  if (mode === "host" || mode === "none") return { "force-network-mode": mode };
  throw new Error(
    `network mode ${goQuote(mode)} not supported by buildkit - you can define a custom network for your builder using the network driver-opt in buildx create`,
  );
}

function attestations(flags: BuildFlags): Attributes {
  const wanted = [...parseAttestations(flags)].flatMap(([type, value]) =>
    value === undefined ? [] : [[`attest:${type}`, value] as const],
  );
  return Object.fromEntries(wanted);
}

/** Flags → attributes of BuildKit's Dockerfile frontend, without those of the context. @throws {Error} in buildx's words */
export function buildAttributes(flags: BuildFlags, environment: Environment): Readonly<Record<string, string>> {
  const given = buildArguments(flags["build-arg"], environment);
  const epoch = environment["SOURCE_DATE_EPOCH"] ?? "";
  const platforms = flags.platform.length > 0 ? flags.platform : [environment["DOCKER_DEFAULT_PLATFORM"] ?? ""];
  const platform = platforms.flatMap((text) => text.split(",")).filter((text) => text.trim() !== "");
  const hosts = flags["add-host"].map(hostPair);
  const call = parseCall(flags);
  const optional = (key: string, value: string): Attributes => (value === "" ? {} : { [key]: value });
  return {
    ...(epoch === "" ? {} : { "build-arg:SOURCE_DATE_EPOCH": epoch }),
    ...given,
    ...labels(flags.label),
    "image-resolve-mode": flags.pull ? "pull" : "local",
    ...optional("target", flags.target),
    ...optional("no-cache", flags["no-cache-filter"].join(",")),
    ...(flags["no-cache"] ? { "no-cache": "" } : {}),
    ...optional("platform", platform.map((text) => platformText(text.trim())).join(",")),
    ...networkMode(flags.network),
    ...optional("add-hosts", hosts.join(",")),
    ...(flags["shm-size"] > 0 ? { "shm-size": String(flags["shm-size"]) } : {}),
    ...optional("ulimit", flags.ulimit.map(ulimitText).join(",")),
    ...optional("cgroup-parent", flags["cgroup-parent"]),
    ...attestations(flags),
    ...(call === undefined
      ? {}
      : { requestid: call.request, "frontend.caps": "moby.buildkit.frontend.subrequests+forward" }),
  };
}
