/** What `varve dive` does without a terminal: the same image from every source gives the same report and the same verdict. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startDaemon } from "../support/daemon.ts";
import type { TestDaemon } from "../support/daemon.ts";
import type { Ran } from "../support/process.ts";
import { exampleArchive } from "./exampleImage.ts";
import { noTmux, TmuxTerminal } from "./tmuxTerminal.ts";

const REPORT = `Analysis:
  efficiency:        99.89 %
  wastedBytes:       137 bytes (137 B)
  userWastedPercent: 0.31 %

Inefficient Files:
  Count  Wasted Space  File Path
  2      90 B          /etc/passwd
  2      47 B          /app/main.js

Evaluation:
  PASS  highestUserWastedPercent (0.1)
  SKIP  highestWastedBytes (disabled)
  PASS  lowestEfficiency (0.9)

PASS [pass:2 skip:1]
`;

let daemon: TestDaemon;
let folder: string;

before(async () => {
  daemon = await startDaemon();
  folder = await mkdtemp(join(tmpdir(), "varve-dive-"));
  await writeFile(join(folder, "example.tar"), exampleArchive());
  await daemon.mustVarve(["load", "-q", "-i", join(folder, "example.tar")]);
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const dive = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> =>
  daemon.varve(["dive", ...args], { cwd: folder, env: { CI: "", ...env } });

test("dive --ci: the store and the archive are judged alike, in dive's words", async () => {
  assert.deepEqual(await dive(["--ci", "example:1"]), { code: 0, stdout: REPORT, stderr: "" });
  assert.deepEqual(await dive(["docker-archive:example.tar"], { CI: "true" }), { code: 0, stdout: REPORT, stderr: "" });
  assert.deepEqual(await dive(["--ci", "--source", "docker-archive", "example.tar"]), {
    code: 0,
    stdout: REPORT,
    stderr: "",
  });
});

test("dive --ci: a rule that is broken fails; .dive-ci beats flags", async () => {
  const failed = await dive(["--ci", "--highest-wasted-bytes", "100B", "example:1"]);
  assert.deepEqual([failed.code, failed.stderr], [1, "evaluation failed\n"]);
  assert.match(
    failed.stdout,
    /FAIL {2}highestWastedBytes \(too many bytes wasted \(wasted-bytes=137 > threshold=100\)\)/,
  );
  assert.match(failed.stdout, /\nFAIL \[pass:2 fail:1\]\n$/);
  const file = join(folder, ".dive-ci");
  await writeFile(file, "rules:\n  highestWastedBytes: 1kB\n");
  const passed = await dive(["--ci", "--highest-wasted-bytes", "100B", "example:1"]);
  await rm(file);
  assert.deepEqual([passed.code, passed.stderr], [0, ""]);
  const wrong = await dive(["--ci", "--lowest-efficiency", "2", "example:1"]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /outside allowed range/);
});

test("dive --json: the same report from the store and the archive", async () => {
  assert.deepEqual(await dive(["--json", "store.json", "example:1"]), { code: 0, stdout: "", stderr: "" });
  assert.equal((await dive(["-j", "archive.json", "docker-archive:example.tar"])).code, 0);
  const stored = await readFile(join(folder, "store.json"), "utf8");
  assert.equal(stored, await readFile(join(folder, "archive.json"), "utf8"));
  const report = JSON.parse(stored) as {
    readonly image: unknown;
    readonly layer: readonly { readonly command: string }[];
  };
  assert.deepEqual(
    report.layer.map(({ command }) => command),
    [
      "#(nop) ADD file:3a4b in / ",
      "RUN /bin/sh -c apt-get update &&     apt-get install -y app &&     useradd app # buildkit",
      "RUN /bin/sh -c rm -r /usr/share/doc # buildkit",
    ],
  );
  const refused = await dive(["--json", "no/such/report.json", "example:1"]);
  assert.deepEqual([refused.code, refused.stderr], [1, "directory for JSON export does not exist: no/such\n"]);
});

test("dive build: builds, then judges what was built", async () => {
  await writeFile(join(folder, "Dockerfile"), "FROM example:1\nCOPY Dockerfile /etc/hosts\n");
  const judged = await dive(["build", "-q", "--ci", "--highest-wasted-bytes", "1GB", "."]);
  assert.equal(judged.code, 0, judged.stderr);
  assert.match(judged.stdout, /^sha256:[\da-f]{64}\nAnalysis:\n/);
  assert.match(judged.stdout, /\n {2}2 {6}\d+ B +\/etc\/hosts\n/);
  const noImage = await dive(["build", "-q", "--ci", "-o", "out", "."]);
  assert.equal(noImage.code, 1);
  assert.match(noImage.stderr, /incompatible with image ID file/);
  const failed = await dive(["build", "--ci", "nowhere"]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /path "nowhere" not found/);
});

test("dive: without a terminal one line says what to do; an image that nobody has is told", async () => {
  const none = await dive(["example:1"]);
  assert.deepEqual([none.code, none.stdout], [1, ""]);
  assert.match(none.stderr, /^varve dive: stdin and stdout must be a terminal; --ci .*--json FILE .*\n$/);
  const missing = await dive(["--ci", `sha256:${"0".repeat(64)}`]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /No such image/);
  assert.match((await dive(["--ci", "docker-archive:nothing.tar"])).stderr, /nothing\.tar/);
  assert.match((await dive(["--ci", "podman://example"])).stderr, /podman save/);
});

test("dive: an image of the store in a terminal", { skip: noTmux ?? false }, async () => {
  const varve = join(import.meta.dirname, "../../../bin/varve");
  const env = { VARVE_HOST: `unix://${daemon.socket}` };
  await using terminal = await TmuxTerminal.open(folder, `${varve} dive example:1`, { columns: 80, rows: 24 }, env);
  const opened = await terminal.settled((screen) => screen.includes("Efficiency 99 %"));
  assert.match(opened, /Image example:1/);
  await terminal.type("/hosts");
  await terminal.press("Enter", "Enter");
  const viewed = await terminal.settled((screen) => screen.includes("localhost"));
  assert.match(viewed, /\/etc\/hosts .* 1-2 of 2/);
});
