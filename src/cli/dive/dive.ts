import type { OpenImage } from "#analysis";
import { CommandError } from "../core/commandError.ts";
import { inputTerminal, terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { isCi } from "./diveFlags.ts";
import type { DiveFlags } from "./diveFlags.ts";

const NO_TERMINAL =
  "varve dive: stdin and stdout must be a terminal; --ci judges the image, --json FILE writes a report of it";

/** What is done with an image, decided before it is opened: mistakes on the command line cost no pull and no build. */
export type Look = (image: OpenImage) => Promise<number>;

function exploring(session: Session, flags: DiveFlags): Look {
  const input = inputTerminal(session.stdin);
  const output = terminalOf(session.stdout);
  if (input === undefined || output === undefined) throw new CommandError(NO_TERMINAL);
  // Loaded while the engine is asked.
  const loading = Promise.all([import("./explore.ts"), import("./imageFacts.ts")]);
  // Told when it is awaited.
  loading.catch(() => undefined);
  return async (image) => {
    const [{ explore }, { readImageFacts }] = await loading;
    await explore(image, await readImageFacts(image, flags["ignore-errors"] ? session : undefined), { input, output });
    return 0;
  };
}

async function judging(session: Session, flags: DiveFlags): Promise<Look> {
  const { ciRules, judge } = await import("./judge.ts");
  const rules = ciRules(flags["ci-config"], {
    lowestEfficiency: flags["lowest-efficiency"],
    highestWastedBytes: flags["highest-wasted-bytes"],
    highestUserWastedPercent: flags["highest-user-wasted-percent"],
  });
  return async (image) => {
    const { readTree } = await import("./imageFacts.ts");
    const { scores } = await readTree(image, flags["ignore-errors"] ? session : undefined);
    const inColor = terminalOf(session.stdout) !== undefined && (process.env["NO_COLOR"] ?? "") === "";
    const { report, hasPassed } = judge(rules, scores, inColor);
    session.print(report);
    if (!hasPassed) session.warn("evaluation failed");
    return hasPassed ? 0 : 1;
  };
}

async function reporting(session: Session, flags: DiveFlags): Promise<Look> {
  const { checkReportPath, writeReport } = await import("./judge.ts");
  checkReportPath(flags.json);
  return async (image) => {
    const { readTree } = await import("./imageFacts.ts");
    const { tree, scores } = await readTree(image, flags["ignore-errors"] ? session : undefined);
    writeReport(flags.json, image, tree, scores);
    return 0;
  };
}

/** `--json` before `--ci` before the explorer, as in dive. @throws {CommandError} when the command line is wrong */
export async function chooseLook(session: Session, flags: DiveFlags): Promise<Look> {
  if (flags.json !== "") return reporting(session, flags);
  return isCi(flags, process.env) ? judging(session, flags) : exploring(session, flags);
}
