import { renameSync, writeFileSync } from "node:fs";
import type { SolveExplanation, SolveVertexWarning } from "#engineapi";
import type { BuildScreen } from "../progress/solveDisplay.ts";
import { sourceExcerpt } from "./excerpt.ts";

type Response = Readonly<Record<string, string>>;

const text = (base64: string): string => Buffer.from(base64, "base64").toString();

/** What `-q` prints and `--iidfile` holds. */
export function imageIdOf(response: Response): string {
  return response["containerimage.config.digest"] ?? response["containerimage.digest"] ?? "";
}

/** Values that are base64 of a JSON object are shown as that object. */
function decoded(key: string, value: string): unknown {
  try {
    const parsed: unknown = JSON.parse(key === "result.json" ? value : text(value));
    if (typeof parsed === "object" && parsed !== null && Object.keys(parsed).length > 0) return parsed;
  } catch {
    // Most values are plain text.
  }
  return value;
}

/** `--metadata-file`: the response, keys in order; replaced whole. */
export function writeMetadata(path: string, response: Response): void {
  const keys = Object.keys(response).sort();
  const values = Object.fromEntries(keys.map((key) => [key, decoded(key, response[key] ?? "")]));
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, JSON.stringify(values, undefined, 2), { mode: 0o644 });
  renameSync(temporary, path);
}

const YELLOW = "\x1b[33m";
const RESET = "\x1b[0m";

function warningText(warning: SolveVertexWarning): string {
  const details = (warning.detail ?? []).map((detail) => `${text(detail)}\n`).join("");
  const more = warning.url === undefined || warning.url === "" ? "" : `More info: ${warning.url}\n`;
  const { sourceInfo, range = [] } = warning;
  const ranges = range.map(({ start, end }) => ({ start: start.line, end: end.line }));
  const excerpt =
    sourceInfo === undefined || ranges.length === 0
      ? ""
      : sourceExcerpt({ filename: sourceInfo.filename, text: text(sourceInfo.data), ranges });
  return `${details}${more}${excerpt}\n`;
}

/** The findings of the checks, below everything else. */
export function warningsText(screen: BuildScreen, isDebug: boolean): string {
  const { warnings, mode } = screen;
  if (warnings.length === 0 || mode === "quiet" || mode === "none" || mode === "rawjson") return "";
  const count = warnings.length === 1 ? "1 warning found" : `${warnings.length} warnings found`;
  const hint = isDebug ? "" : " (use --debug to expand)";
  const list = warnings.map((warning) => ` - ${text(warning.short)}\n${isDebug ? warningText(warning) : ""}`);
  return `\n ${YELLOW}${count}${hint}:\n${RESET}${list.join("")}`;
}

const WHY: Readonly<Record<string, string>> = {
  "first time": "never built here before",
  "inputs changed": "changed since it was built",
  "cache not wanted": "the cache is not wanted",
  "result gone": "its result is gone",
};

/** `--explain`: why steps ran, and what changed. */
export function explanationText({ name, reason, changes }: SolveExplanation): string {
  const lines = changes.map(({ kind, input, before, after }) => {
    const what = kind === "file" ? input : `${input}:`;
    if (before === undefined) return `     + ${what} ${kind === "file" ? "(new)" : (after ?? "")}\n`;
    if (after === undefined) return `     - ${what} ${kind === "file" ? "(gone)" : before}\n`;
    return kind === "file" ? `     ~ ${what}\n` : `     ~ ${what} ${before} -> ${after}\n`;
  });
  return ` => ${name}: ${WHY[reason] ?? reason}\n${lines.join("")}`;
}
