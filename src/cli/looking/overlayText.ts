import type { OverlayLower, OverlayReply } from "#engineapi";
import { humanSize, shortId } from "../format/units.ts";
import { escapePath } from "./fileListing.ts";
import { instructionText } from "./whyText.ts";

/** More names than these are counted only. */
const MOST_NAMES = 20;

function names(title: string, paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return [];
  const shown = paths.slice(0, MOST_NAMES).map((path) => `             ${escapePath(path)}`);
  const more = paths.length > MOST_NAMES ? [`             … and ${paths.length - MOST_NAMES} more`] : [];
  return [`           ${title}:`, ...shown, ...more];
}

function hiding({ whiteouts, opaque }: Pick<OverlayLower, "whiteouts" | "opaque">): readonly string[] {
  return [...names("whiteouts (hide what is below)", whiteouts), ...names("opaque directories", opaque)];
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function lowerLines(lower: OverlayLower, index: number): readonly string[] {
  const { path, kind, diffId, createdBy = "", filesystem, source } = lower;
  const what = {
    layer: `layer ${shortId(diffId ?? "")}  ${instructionText(createdBy)}`,
    init: "what the runtime mounts upon",
    fixup: "mends what the layer below cannot say",
  }[kind];
  const mount = filesystem === undefined ? [] : [`           ${filesystem} of ${source ?? ""}`];
  return [`lower ${String(index + 1).padEnd(3)}  ${path}`, `           ${what}`.trimEnd(), ...mount, ...hiding(lower)];
}

/** `image overlay`, for people: as the textbooks draw it, top first. */
export function overlayText(reply: OverlayReply): string {
  const { kind, name, id, driver, status, merged, mounted, options, upper, work, lower, changes } = reply;
  const state = mounted ? "mounted" : "not mounted";
  const lines = [
    `${kind} ${name}  ${shortId(id)}${status === undefined ? "" : `  ${status}`}  (${driver})`,
    "",
    `merged     ${merged || "(an image without layers)"}`,
    `           ${state}${
      options === undefined
        ? ""
        : `: ${options
            .split(",")
            .filter((option) => !/dir\+?=/.test(option))
            .join(",")}`
    }`,
  ];
  if (upper !== undefined) lines.push(`upper      ${upper}`);
  if (changes !== undefined) {
    const { files, directories, bytes } = changes;
    lines.push(
      `           ${count(files, "file")} (${humanSize(bytes, 3)}), ${count(directories, "directory", "directories")}`,
      ...hiding(changes),
    );
  }
  if (work !== undefined) lines.push(`work       ${work}`);
  return `${[...lines, ...lower.flatMap(lowerLines)].join("\n")}\n`;
}
