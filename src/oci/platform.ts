import { EngineError, ErrorCode } from "#errors";

/** A platform as image-spec 1.1 (image-index.md) spells it: GOOS, GOARCH and variant. */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
}

const ARCHITECTURES: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  amd64: ["amd64"],
  i386: ["386"],
  i686: ["386"],
  aarch64: ["arm64"],
  arm64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
};
const NODE_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm64: "arm64",
  arm: "arm",
  ppc64: "ppc64le",
  s390x: "s390x",
  riscv64: "riscv64",
};
const PART = /^[A-Za-z0-9_.-]+$/;

/** The platform that images are chosen for when the user names none, e.g. linux/amd64. */
export function hostPlatform(): Platform {
  const architecture = NODE_ARCHITECTURES[process.arch] ?? process.arch;
  return architecture === "arm" ? { os: "linux", architecture, variant: "v7" } : { os: "linux", architecture };
}

function normalize(platform: Platform): Platform {
  const [architecture, alias] = ARCHITECTURES[platform.architecture.toLowerCase()] ?? [
    platform.architecture.toLowerCase(),
  ];
  let variant = platform.variant ?? alias;
  if (architecture === "arm64" && (variant === "v8" || variant === "8")) variant = undefined;
  if (architecture === "amd64" && variant === "v1") variant = undefined;
  if (architecture === "arm" && variant === undefined) variant = "v7";
  if (variant !== undefined && /^\d+$/.test(variant)) variant = `v${variant}`;
  const { variant: _dropped, ...rest } = platform;
  return { ...rest, os: platform.os.toLowerCase(), architecture, ...(variant === undefined ? {} : { variant }) };
}

/**
 * `linux/arm/v7`, `linux/amd64`, `arm64` or `linux` → platform, normalised as containerd does.
 * @throws {invalid_argument} when a part is empty or has a character outside `[A-Za-z0-9_.-]`.
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  const bad = (): EngineError =>
    new EngineError(
      "invalid_argument",
      ErrorCode.INVALID_PLATFORM,
      `${JSON.stringify(text)}: invalid platform specifier: expected os/architecture[/variant]`,
    );
  if (parts.length > 3 || !parts.every((part) => PART.test(part))) throw bad();
  const [first = "", second, variant] = parts;
  const host = hostPlatform();
  if (second === undefined) {
    if (["linux", "windows", "darwin", "freebsd"].includes(first.toLowerCase()))
      return { ...host, os: first.toLowerCase() };
    return normalize({ os: host.os, architecture: first });
  }
  return normalize({ os: first, architecture: second, ...(variant === undefined ? {} : { variant }) });
}

/** `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant ? [platform.variant] : [])].join("/");
}

const ARM_ORDER = ["v8", "v7", "v6", "v5"];

/**
 * How well `have` serves `want`: 0 = exactly, higher = worse, undefined = not at all. 32-bit arm takes lower variants
 * (v7 runs v6), as containerd's platforms.Only does.
 */
export function platformRank(want: Platform, have: Platform): number | undefined {
  const a = normalize(want);
  const b = normalize(have);
  if (a.os !== b.os || a.architecture !== b.architecture) return undefined;
  if (a.variant === b.variant) return 0;
  if (a.architecture === "arm") {
    const rank = ARM_ORDER.indexOf(b.variant ?? "v7") - ARM_ORDER.indexOf(a.variant ?? "v7");
    return rank >= 0 ? rank : undefined;
  }
  if (a.architecture === "amd64" && b.variant === undefined) return 1;
  return a.variant === undefined && a.architecture !== "amd64" ? 1 : undefined;
}
