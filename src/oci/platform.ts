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
const OPERATING_SYSTEMS = new Set(["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "plan9"]);
const KNOWN_ARCHITECTURES = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm".split(" "),
);
const PART = /^[A-Za-z0-9_.-]+$/;

/** The platform that images are chosen for when the user names none, e.g. linux/amd64. */
export function hostPlatform(): Platform {
  const architecture = NODE_ARCHITECTURES[process.arch] ?? process.arch;
  return architecture === "arm" ? { os: "linux", architecture, variant: "v7" } : { os: "linux", architecture };
}

function normalizeVariant(architecture: string, given: string | undefined): string | undefined {
  const variant = given?.toLowerCase() ?? "";
  switch (architecture) {
    case "amd64":
      return variant === "" || variant === "v1" ? undefined : variant;
    case "arm64":
      return ["", "8", "v8", "v8.0"].includes(variant) ? undefined : variant;
    case "arm":
      return variant === "" ? "v7" : variant.replace(/^(?=[5-8]$)/, "v");
    default:
      return variant === "" ? undefined : variant;
  }
}

function normalize(platform: Platform): Platform {
  const given = platform.architecture.toLowerCase();
  const [architecture, alias] = ARCHITECTURES[given] ?? [given];
  const { variant: _dropped, ...rest } = platform;
  const variant = architecture === "386" ? undefined : normalizeVariant(architecture, alias ?? platform.variant);
  const os = platform.os.toLowerCase() === "macos" ? "darwin" : platform.os.toLowerCase();
  return { ...rest, os, architecture, ...(variant === undefined ? {} : { variant }) };
}

function bad(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_PLATFORM, `${message}: invalid argument`);
}

function checkParts(text: string, parts: readonly string[]): void {
  const quoted = JSON.stringify(text);
  if (text.includes("*")) throw bad(`${quoted}: wildcards not yet supported`);
  const wrong = parts.find((part) => !PART.test(part));
  if (wrong !== undefined) {
    throw bad(
      `${JSON.stringify(wrong)} is an invalid component of ${quoted}: platform specifier component must match ${JSON.stringify(PART.source)}`,
    );
  }
  if (parts.length > 3) throw bad(`${quoted}: cannot parse platform specifier`);
}

/**
 * `linux/arm/v7`, `linux/amd64`, `arm64` or `linux` → platform, normalised as containerd does; 32-bit arm always has its
 * variant.
 * @throws {invalid_argument} in containerd's words when a part is empty, has a character outside `[A-Za-z0-9_.-]`, or is
 * alone and neither a known operating system nor a known architecture.
 */
export function parsePlatform(text: string): Platform {
  const [first = "", second, variant, ...more] = text.split("/");
  // At most four, as Go splits it: what is wrong is shown whole.
  const parts = [first, second, variant, more.length === 0 ? undefined : more.join("/")];
  checkParts(
    text,
    parts.filter((part) => part !== undefined),
  );
  if (second !== undefined)
    return normalize({ os: first, architecture: second, ...(variant === undefined ? {} : { variant }) });
  const host = hostPlatform();
  const alone = normalize({ os: first, architecture: first });
  if (OPERATING_SYSTEMS.has(alone.os)) return { ...host, os: alone.os };
  if (!KNOWN_ARCHITECTURES.has(alone.architecture))
    throw bad(`${JSON.stringify(text)}: unknown operating system or architecture`);
  return { ...alone, os: host.os };
}

/** `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant ? [platform.variant] : [])].join("/");
}

const ARM_VARIANTS = ["v8", "v7", "v6", "v5"] as const;
const AMD64_VARIANTS = ["v4", "v3", "v2", ""] as const;

function from(variants: readonly string[], variant: string): readonly string[] {
  const start = variants.indexOf(variant);
  return start < 0 ? [variant] : variants.slice(start);
}

/** What runs on a platform, best first, as `architecture/variant`: the vector of containerd's `platforms.Only`. */
function runnable({ architecture, variant = "" }: Platform): readonly string[] {
  const name = (arch: string, list: readonly string[]): readonly string[] => list.map((item) => `${arch}/${item}`);
  switch (architecture) {
    case "amd64":
      return [...name("amd64", from(AMD64_VARIANTS, variant)), "386/"];
    case "arm":
      return name("arm", from(ARM_VARIANTS, variant));
    case "arm64":
      return [...new Set([`arm64/${variant}`, "arm64/"]), ...name("arm", ARM_VARIANTS)];
    default:
      return [`${architecture}/${variant}`];
  }
}

/**
 * How well `have` serves `want`: 0 = exactly, higher = worse, undefined = not at all. A machine also runs what was built for
 * its lower variants and its 32-bit sibling (arm64: arm; amd64: 386), as containerd's `platforms.Only` has it.
 */
export function platformRank(want: Platform, have: Platform): number | undefined {
  const a = normalize(want);
  const b = normalize(have);
  if (a.os !== b.os) return undefined;
  const rank = runnable(a).indexOf(`${b.architecture}/${b.variant ?? ""}`);
  return rank < 0 ? undefined : rank;
}
