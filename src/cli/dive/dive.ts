import type { WriteStream } from "node:tty";
import type { OpenImage } from "#analysis";
import { CommandError } from "../core/commandError.ts";
import { inputTerminal, terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { isCi } from "./diveFlags.ts";
import type { DiveFlags } from "./diveFlags.ts";
import type { ImageFacts } from "./explorer/state.ts";
import type { ReadListener } from "./imageFacts.ts";

const NO_TERMINAL =
  "varve dive: stdin and stdout must be a terminal; --ci judges the image, --json FILE writes a report of it";

const DUMB_TERMINAL = "varve dive: the terminal cannot place text (TERM=dumb); --ci and --json FILE need none";

/** What is done with an image, decided before it is opened: mistakes on the command line cost no pull and no build. */
export type Look = (image: OpenImage) => Promise<number>;

const listenerOf = (session: Session, flags: DiveFlags): ReadListener =>
  flags["ignore-errors"] ? { warn: (line) => session.warn(line) } : {};

const SHOW_PROGRESS_MS = 400;

/** A line that is rewritten while layers are read, when that takes long: a registry's are downloaded for it. */
class ReadProgress implements Disposable {
  readonly #output: WriteStream;
  readonly #count: number;
  readonly #timer: NodeJS.Timeout;
  #read = 0;
  #isShown = false;

  constructor(output: WriteStream, count: number) {
    this.#output = output;
    this.#count = count;
    this.#timer = setTimeout(() => this.#show(), SHOW_PROGRESS_MS);
  }

  update(read: number): void {
    this.#read = read;
    if (this.#isShown) this.#show();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#isShown) this.#output.write("\r\x1b[K");
    this.#isShown = false;
  }

  #show(): void {
    this.#isShown = true;
    this.#output.write(`\r\x1b[KReading layers: ${this.#read} of ${this.#count}`);
  }
}

function exploring(session: Session, flags: DiveFlags): Look {
  const input = inputTerminal(session.stdin);
  const output = terminalOf(session.stdout);
  if (input === undefined || output === undefined) throw new CommandError(NO_TERMINAL);
  if (process.env["TERM"] === "dumb") throw new CommandError(DUMB_TERMINAL);
  // Loaded while the engine is asked.
  const loading = Promise.all([import("./explore.ts"), import("./imageFacts.ts")]);
  // Told when it is awaited.
  loading.catch(() => undefined);
  return async (image) => {
    const [{ explore }, { readImageFacts }] = await loading;
    const read = async (): Promise<ImageFacts> => {
      using progress = new ReadProgress(output, image.layers.length);
      const onLayer = (count: number): void => progress.update(count);
      return await readImageFacts(image, { ...listenerOf(session, flags), onLayer });
    };
    await explore(image, await read(), { input, output });
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
    const { scores } = await readTree(image, listenerOf(session, flags));
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
    const { tree, scores } = await readTree(image, listenerOf(session, flags));
    writeReport(flags.json, image, tree, scores);
    return 0;
  };
}

/** `--json` before `--ci` before the explorer, as in dive. @throws {CommandError} when the command line is wrong */
export async function chooseLook(session: Session, flags: DiveFlags): Promise<Look> {
  if (flags.json !== "") return reporting(session, flags);
  return isCi(flags, process.env) ? judging(session, flags) : exploring(session, flags);
}
