import { toDisplayPath } from "#tar";
import type { CiResult, CiStatus } from "./ciRules.ts";
import { formatSize, toFixedEven } from "./humanize.ts";
import type { ImageScores } from "./scores.ts";

/** What a piece of the report is, for those who colour it. */
export type CiStyle = "title" | "tableHeader" | "aux" | CiStatus | "skipText";

/** Colours a piece of text; the default leaves it. */
export type CiPaint = (style: CiStyle, text: string) => string;

const WORDS: Readonly<Record<CiStatus, string>> = { pass: "PASS", fail: "FAIL", skip: "SKIP" };

const percent = (ratio: number): string => (Number.isFinite(ratio) ? toFixedEven(ratio * 100, 2) : "+Inf");

function analysisSection(scores: ImageScores, paint: CiPaint): string {
  const wastes = scores.wastedBytes > 0;
  const row = (key: string, value: string): string => `  ${`${key}:`.padEnd(18)} ${value}`;
  return [
    paint("title", "Analysis:"),
    row("efficiency", `${percent(scores.efficiency)} %`),
    row("wastedBytes", `${scores.wastedBytes} bytes ${wastes ? `(${formatSize(scores.wastedBytes)})` : ""}`),
    row("userWastedPercent", wastes ? `${percent(scores.userWastedRatio)} %` : "0 %"),
  ].join("\n");
}

function filesSection(scores: ImageScores, paint: CiPaint): string {
  const title = paint("title", "Inefficient Files:");
  if (scores.inefficiencies.length === 0) return `${title} (None)`;
  const row = (count: string, bytes: string, path: string): string =>
    `  ${count.padEnd(5)}  ${bytes.padEnd(12)}  ${path}`;
  const rows = scores.inefficiencies.map(({ path, count, bytes }) =>
    row(String(count), formatSize(bytes), `/${toDisplayPath(path)}`),
  );
  return [title, paint("tableHeader", row("Count", "Wasted Space", "File Path")), ...rows].join("\n");
}

function evaluationSection(results: readonly CiResult[], paint: CiPaint): string {
  const lines = results.map(({ key, status, message }) => {
    const text = `${key} (${message})`;
    return `  ${paint(status, WORDS[status])}  ${status === "skip" ? paint("skipText", text) : text}`;
  });
  const count = (status: CiStatus): number => results.filter((result) => result.status === status).length;
  const tally = (["pass", "fail", "skip"] as const)
    .filter((status) => count(status) > 0)
    .map((status) => `${status}:${count(status)}`);
  const verdict: CiStatus = count("fail") > 0 ? "fail" : "pass";
  const summary = paint(verdict, WORDS[verdict]) + paint("aux", ` [${tally.join(" ")}]`);
  return [paint("title", "Evaluation:"), ...lines, "", summary].join("\n");
}

/** The text that `dive --ci` prints; no newline at its end. It passes when no result is "fail". */
export function formatCiReport(
  scores: ImageScores,
  results: readonly CiResult[],
  paint: CiPaint = (_style, text) => text,
): string {
  return [analysisSection(scores, paint), filesSection(scores, paint), evaluationSection(results, paint)].join("\n\n");
}
