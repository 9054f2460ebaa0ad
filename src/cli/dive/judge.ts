import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { evaluateCi, formatCiReport, diveReport, parseCiRules, parseDiveCi } from "#analysis";
import type { CiRule, CiStyle, CiThresholds, ImageScores, ImageTree, OpenImage } from "#analysis";
import { messageOf } from "#errors";
import { CommandError } from "../core/commandError.ts";
import { fileProblem } from "../options/fileProblem.ts";

const SGR: Readonly<Record<CiStyle, string>> = {
  title: "1",
  tableHeader: "1",
  aux: "2",
  pass: "32",
  fail: "1;31",
  skip: "2",
  skipText: "2",
};

const painted = (style: CiStyle, text: string): string => `\x1b[${SGR[style]}m${text}\x1b[0m`;

/** What an image is judged by: the file takes the place of all flags, as in dive. */
export function ciRules(configPath: string, thresholds: CiThresholds): readonly CiRule[] {
  if (configPath === "" || !existsSync(configPath)) return parseCiRules(thresholds);
  let text: string;
  try {
    text = readFileSync(configPath, "utf8");
  } catch (error) {
    throw new CommandError(`failed to read CI config file ${configPath}: ${fileProblem(error, "open", configPath)}`);
  }
  let given: CiThresholds;
  try {
    given = parseDiveCi(text);
  } catch (error) {
    throw new CommandError(`failed to unmarshal CI config file ${configPath}: ${messageOf(error)}`);
  }
  return parseCiRules(given);
}

/** The report of `--ci`, and whether all rules hold. */
export function judge(
  rules: readonly CiRule[],
  scores: ImageScores,
  inColor: boolean,
): { readonly report: string; readonly hasPassed: boolean } {
  const results = evaluateCi(rules, scores);
  const report = inColor ? formatCiReport(scores, results, painted) : formatCiReport(scores, results);
  return { report: `${report}\n`, hasPassed: results.every(({ status }) => status !== "fail") };
}

/** Before an image is read: whether its report can be written. */
export function checkReportPath(path: string): void {
  const folder = dirname(path);
  if (!(statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false)) {
    throw new CommandError(`directory for JSON export does not exist: ${folder}`);
  }
}

/** `--json`: dive's report. */
export function writeReport(path: string, image: OpenImage, tree: ImageTree, scores: ImageScores): void {
  try {
    writeFileSync(path, diveReport(image.layers, tree, scores));
  } catch (error) {
    throw new CommandError(`cannot export analysis: ${fileProblem(error, "open", path)}`);
  }
}
