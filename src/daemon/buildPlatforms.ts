import { readdirSync, readFileSync } from "node:fs";
import { arch } from "node:os";
import { amd64Variants } from "#engine";

/** What a RUN can run, as builders list it. */
export interface BuildPlatform {
  readonly os: "linux";
  readonly architecture: string;
  readonly variant?: string;
}

const CPUINFO = "/proc/cpuinfo";
const BINFMT = "/proc/sys/fs/binfmt_misc";

/** Names of QEMU's programs in binfmt_misc, in the order that builders list what they emulate. */
const EMULATED: readonly (readonly [program: string, architecture: string, variants?: readonly string[]])[] = [
  ["qemu-aarch64", "arm64"],
  ["qemu-riscv64", "riscv64"],
  ["qemu-ppc64", "ppc64"],
  ["qemu-ppc64le", "ppc64le"],
  ["qemu-s390x", "s390x"],
  ["qemu-i386", "386"],
  ["qemu-x86_64", "amd64"],
  ["qemu-mips64el", "mips64le"],
  ["qemu-mips64", "mips64"],
  ["qemu-loongarch64", "loong64"],
  ["qemu-arm", "arm", ["v7", "v6"]],
];

function linux(architecture: string, variant?: string): BuildPlatform {
  return variant === undefined ? { os: "linux", architecture } : { os: "linux", architecture, variant };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A kernel without it: nothing is known beyond the plain architecture.
    return "";
  }
}

function amd64(cpuinfo: string): readonly BuildPlatform[] {
  return [linux("amd64"), ...amd64Variants(cpuinfo).map((variant) => linux("amd64", variant))];
}

function native(architecture: string, cpuinfo: string): readonly BuildPlatform[] {
  switch (architecture) {
    case "x64":
      return [...amd64(cpuinfo), linux("386")];
    case "arm":
      return [linux("arm", "v7"), linux("arm", "v6")];
    default:
      return [linux(architecture)];
  }
}

function registered(directory: string): ReadonlySet<string> {
  try {
    return new Set(readdirSync(directory));
  } catch {
    // Not mounted: nothing is emulated.
    return new Set();
  }
}

/** The host's own first, then what QEMU runs for it by binfmt_misc. */
export function buildPlatforms(
  host: { readonly architecture: string; readonly cpuinfo: string; readonly binfmt: string } = {
    architecture: arch(),
    cpuinfo: CPUINFO,
    binfmt: BINFMT,
  },
): readonly BuildPlatform[] {
  const own = native(host.architecture, readText(host.cpuinfo));
  const programs = registered(host.binfmt);
  const emulated = EMULATED.filter(([program]) => programs.has(program)).flatMap(([, architecture, variants]) =>
    variants === undefined ? [linux(architecture)] : variants.map((variant) => linux(architecture, variant)),
  );
  return [...own, ...emulated.filter(({ architecture }) => !own.some((one) => one.architecture === architecture))];
}
