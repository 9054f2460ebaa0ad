import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { BASE_IMAGE, buildxPlugin, openBuildEngine, type BuildEngine } from "./buildEngine.ts";
import { writeContext, type ContextFiles } from "./context.ts";
import { openRemotes, type Remotes, type RemoteServer } from "./remotes.ts";
import { readSavedImage, type BuiltImage } from "./savedImage.ts";

/** A Dockerfile and its context; `BASE` stands for the base image. */
export interface BuildCase {
  readonly name: string;
  readonly dockerfile: string;
  readonly files?: ContextFiles;
  /** Flags of `docker build`; `CONTEXT` stands for the context's folder. */
  readonly args?: readonly string[];
  /** In the folder's place: a URL. */
  readonly context?: string;
  /** Images built before, by tag: their Dockerfiles. */
  readonly before?: Readonly<Record<string, string>>;
  /** Given to standard input; the context is then `-`. */
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is compared is what the client prints, not an image. */
  readonly print?: boolean;
  /** The engine of the recordings does not survive it. */
  readonly notOnOld?: boolean;
}

type Expectation = BuiltImage | { readonly error: readonly string[] } | { readonly output: readonly string[] };

const RECORDED = resolve(import.meta.dirname, "../recorded");
/** Where to write what is found, in place of comparing it: `recorded` itself, or another folder to look at it. */
const RECORDING = process.env["VARVE_BUILD_RECORD"];
/** The engine that the recordings are of. */
const OLD_ENGINE = process.env["VARVE_CLIENT_SOCKET"] !== undefined;

const withBase = (text: string): string => text.replaceAll(/\bBASE\b/g, BASE_IMAGE);

/** Warnings that a client puts between: of the checks, of git. */
const ASIDE = /^WARNING: |\d+ warnings? found \(use| - \w+: .* \(line \d+\)$|^From \S+$|^ \* \[new \w+\] /;

/** Without what is another's in every run: times, names of folders, digests. */
function normal(line: string): string {
  return line
    .replace(/^ERROR: (?:failed to (?:solve|run Build function): )+/, "ERROR: ")
    .replace(/^#\d+ /, "")
    .replace(/^\d+\.\d+ /, "")
    .replaceAll(/sha256:[0-9a-f]{64}/g, "sha256:DIGEST")
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "ID")
    .replaceAll(/\b[a-z0-9]{25}\b/g, "ID")
    .replaceAll("ID::ID", "ID")
    .replaceAll(/varve-build-case-\w+/g, "FOLDER")
    .replaceAll(/\/\S*\/(?:overlay2\/\w+\/merged|buildkit-mount\d+)/g, "")
    .trimEnd();
}

/** What the client says at last: the failed step's output, the lines of the Dockerfile, the error. */
function lastWords(stderr: string): readonly string[] {
  const lines = stderr.split("\n").filter((line) => line !== "");
  const error = lines.findIndex((line) => line.startsWith("ERROR: ") || line.startsWith("error: "));
  const rule = lines.findIndex((line) => line === "------");
  const excerpt = lines.findIndex((line) => line === "-".repeat(20)) - 1;
  const start = [rule, excerpt, error].find((at) => at >= 0) ?? 0;
  return lines
    .slice(start)
    .map(normal)
    .filter((line) => line !== "" && line !== "-".repeat(20) && line !== "------" && !ASIDE.test(line));
}

interface CasePlace {
  readonly engine: BuildEngine;
  readonly tag: string;
  /** Address of the group's own server. */
  readonly server: string | undefined;
}

class CaseRunner {
  readonly #engine: BuildEngine;
  readonly #given: BuildCase;
  readonly #folder: string;
  readonly #context: string;
  readonly #tag: string;
  readonly #server: string;

  constructor(given: BuildCase, { engine, tag, server = "" }: CasePlace) {
    this.#engine = engine;
    this.#given = given;
    this.#tag = tag;
    this.#server = server;
    this.#folder = mkdtempSync(join(tmpdir(), "varve-build-case-"));
    // A client is known again by its directory's name: each case is to be a client of its own.
    this.#context = join(this.#folder, basename(this.#folder));
  }

  /** `SERVER` stands for the group's server, in what is built and in what is recorded. */
  async run(): Promise<Expectation> {
    const found = await this.#run();
    if (this.#server === "") return found;
    return JSON.parse(JSON.stringify(found).replaceAll(this.#server, "SERVER")) as Expectation;
  }

  #written(text: string): string {
    return withBase(text).replaceAll("SERVER", this.#server);
  }

  async #run(): Promise<Expectation> {
    const { files = {}, dockerfile, before: earlier = {}, stdin } = this.#given;
    const folder = this.#context;
    mkdirSync(folder);
    writeContext(folder, { Dockerfile: this.#written(dockerfile), ...files });
    try {
      for (const [tag, text] of Object.entries(earlier)) await this.#buildEarlier(tag, text);
      const args = (this.#given.args ?? []).map((word) => this.#written(word).replaceAll("CONTEXT", folder));
      const target = stdin === undefined ? [this.#written(this.#given.context ?? folder)] : ["-"];
      const ran = await this.#engine.docker(["build", "--progress=plain", "-t", this.#tag, ...args, ...target], {
        ...(stdin === undefined ? {} : { input: withBase(stdin) }),
        ...(this.#given.env === undefined ? {} : { env: this.#given.env }),
      });
      if (ran.code !== 0) return { error: lastWords(ran.stderr) };
      if (this.#given.print === true) return { output: ran.stdout.split("\n").map(normal) };
      return await readSavedImage(await this.#engine.save(this.#tag), this.#engine.base);
    } finally {
      await this.#engine.docker(["rmi", "-f", this.#tag, ...Object.keys(earlier)]);
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async #buildEarlier(tag: string, text: string): Promise<void> {
    const ran = await this.#engine.docker(["build", "-q", "-t", tag, "-"], { input: withBase(text) });
    assert.equal(ran.code, 0, ran.stderr);
  }
}

function readJson<T>(path: string): Readonly<Record<string, T>> {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, T>>) : {};
}

/** Where varve is not to do what the recorded dockerd does, and why: what it does instead. */
interface Difference {
  readonly why: string;
  readonly result: Expectation;
}

/** One case a line: what changed is seen in a diff. */
function writeRecorded(folder: string, group: string, found: Readonly<Record<string, Expectation>>): void {
  const lines = Object.keys(found)
    .sort()
    .map((name) => `${JSON.stringify(name)}: ${JSON.stringify(found[name])}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${group}.json`), `{\n${lines.join(",\n")}\n}\n`);
}

/** Builds each case by the real `docker build` and compares with what dockerd made of it when it was recorded. */
export function differential(group: string, cases: readonly BuildCase[], remotes?: Remotes): void {
  const skip = buildxPlugin() === undefined ? "needs docker's buildx plugin" : false;
  describe(`builds: ${group}`, { skip }, () => {
    const found: Record<string, Expectation> = {};
    const recorded = readJson<Expectation>(join(RECORDED, `${group}.json`));
    const differences = readJson<Difference>(join(RECORDED, `${group}.differences.json`));
    let engine: BuildEngine | undefined;
    let server: RemoteServer | undefined;
    before(async () => {
      if (remotes !== undefined) server = await openRemotes(remotes);
      engine = await openBuildEngine();
    });
    after(async () => {
      if (RECORDING !== undefined) writeRecorded(RECORDING, group, found);
      await engine?.[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    });
    cases.forEach((given, index) => {
      test(given.name, async () => {
        assert.ok(engine !== undefined);
        if (OLD_ENGINE && given.notOnOld === true) return;
        const known = differences[given.name];
        const place = { engine, tag: `varve-build-case:${group}-${index}`, server: server?.address };
        const result = await new CaseRunner(given, place).run();
        if (RECORDING !== undefined) {
          found[given.name] = result;
          return;
        }
        const expected = (OLD_ENGINE ? undefined : known?.result) ?? recorded[given.name];
        assert.ok(expected !== undefined, "nothing is recorded: run once with VARVE_BUILD_RECORD on dockerd");
        assert.deepEqual(result, expected);
      });
    });
  });
}
