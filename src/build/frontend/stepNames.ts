import { expandWord } from "#dockerfile";
import type { EscapeCharacter, Variables } from "#dockerfile";
import { formatPlatform } from "#oci";
import type { Platform } from "#oci";

/** What a step's name is made of. */
export interface NamePlace {
  /** Empty: the only stage of its Dockerfile. */
  readonly stage: string;
  /** From 1. */
  readonly index: number;
  /** 0: no step of the stage makes anything, its names have no prefix. */
  readonly total: number;
  /** Shown when several platforms are built. */
  readonly platform: Platform | undefined;
  readonly isOnBuild: boolean;
}

/** Cross builds show what for: `linux/amd64->arm64`. */
function crossTarget(base: Platform, variables: Variables): string {
  const text = variables.get("TARGETPLATFORM");
  const [os = base.os, architecture = base.architecture, variant] =
    text === undefined
      ? [variables.get("TARGETOS"), variables.get("TARGETARCH"), variables.get("TARGETVARIANT")]
      : text.split("/");
  if (os !== base.os)
    return `->${[os, architecture, variant].filter((part) => part !== undefined && part !== "").join("/")}`;
  if (architecture === base.architecture) return "";
  return `->${architecture}${variant === undefined || variant === "" ? "" : `/${variant}`}`;
}

/** `[builder 2/5] RUN make`, as BuildKit names steps. */
export function prefixed(text: string, place: NamePlace, variables: Variables): string {
  const { stage, index, total, platform, isOnBuild } = place;
  if (total === 0) return text;
  const shown = platform === undefined ? "" : `${formatPlatform(platform)}${crossTarget(platform, variables)} `;
  const count = String(index).padStart(String(total).length);
  return `[${shown}${stage === "" ? "" : `${stage} `}${count}/${total}] ${isOnBuild ? "ONBUILD " : ""}${text}`;
}

/** The instruction as its step shows it: its word in capitals, variables put in. RUN keeps quotes and what is unset. */
export function shownInstruction(text: string, variables: Variables, escape: EscapeCharacter, isRun = false): string {
  let shown = text;
  try {
    shown = expandWord(text, variables, { escape, ...(isRun ? { rawQuotes: true, keepUnset: true } : {}) }).result;
  } catch {
    // A text that cannot be expanded is shown as it is.
  }
  const [word = "", ...rest] = shown.split(" ");
  return [word.toUpperCase(), ...rest].join(" ");
}

/** The first line of a document: `set -e...`. */
export function summarizeHeredoc(data: string): string {
  const [first = "", ...rest] = data.trim().replaceAll("\r\n", "\n").split("\n");
  return rest.length > 0 ? `${first}...` : first;
}
