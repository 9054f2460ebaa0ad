import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { SolveStatus } from "#engineapi";
import { openBuildScreen } from "./solveDisplay.ts";
import type { ProgressMode } from "./solveDisplay.ts";

const options = (mode: ProgressMode, env: NodeJS.ProcessEnv = {}): Parameters<typeof openBuildScreen>[1] => ({
  mode,
  description: "d",
  corner: "c",
  env,
});

const DONE: SolveStatus = {
  vertexes: [{ digest: "a", name: "step", started: "2026-01-01T00:00:00Z", completed: "2026-01-01T00:00:01.04Z" }],
};

async function shown(mode: ProgressMode, env?: NodeJS.ProcessEnv): Promise<string> {
  const stream = new PassThrough();
  const screen = openBuildScreen(stream, options(mode, env));
  screen.update(DONE);
  screen.close();
  stream.end();
  return text(stream);
}

test("build screen: auto is plain away from a terminal, unless BUILDKIT_PROGRESS says otherwise", async () => {
  assert.equal(await shown("auto"), "#0 d\n\n#1 step\n#1 DONE 1.0s\n");
  assert.equal(await shown("auto", { BUILDKIT_PROGRESS: "quiet" }), "");
  assert.equal(await shown("plain", { BUILDKIT_PROGRESS: "quiet" }), "#0 d\n\n#1 step\n#1 DONE 1.0s\n");
});

test("build screen: rawjson is a message a line, quiet and none are silent", async () => {
  assert.equal(await shown("rawjson"), `${JSON.stringify(DONE)}\n`);
  assert.equal(await shown("quiet"), "");
  assert.equal(await shown("none"), "");
});

test("build screen: tty without a terminal and unknown modes are refused", () => {
  const stream = new PassThrough();
  assert.throws(() => openBuildScreen(stream, options("tty")), {
    message: "ERROR: failed to get console: provided file is not a console",
  });
  assert.throws(() => openBuildScreen(stream, options("auto", { BUILDKIT_PROGRESS: "x" })), {
    message: "ERROR: invalid progress mode x",
  });
});

test("build screen: a warning that comes twice is one", () => {
  const screen = openBuildScreen(new PassThrough(), options("quiet"));
  const warning = { level: 1, short: "dGV4dA==" };
  screen.update({ warnings: [{ ...warning, vertex: "a" }] });
  screen.update({ warnings: [{ ...warning, vertex: "b" }] });
  assert.equal(screen.warnings.length, 1);
  screen.close();
});
