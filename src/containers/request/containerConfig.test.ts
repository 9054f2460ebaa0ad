import assert from "node:assert/strict";
import { test } from "node:test";
import { commandOf, mergeConfig } from "./containerConfig.ts";
import type { ContainerConfig } from "./containerConfig.ts";

const image = {
  Env: ["PATH=/bin", "A=image"],
  Cmd: ["serve"],
  Entrypoint: ["/entry"],
  WorkingDir: "/srv/",
  User: "web",
  Labels: { a: "1", b: "1" },
  StopSignal: "SIGQUIT",
} as const;

const merge = (request: object): ContainerConfig => mergeConfig({ Image: "x", ...request }, image, "host");

test("config: the image's defaults when the request says nothing", () => {
  const config = merge({});
  assert.deepEqual(commandOf(config), ["/entry", "serve"]);
  assert.deepEqual(
    [config.User, config.WorkingDir, config.StopSignal, config.Hostname],
    ["web", "/srv", "SIGQUIT", "host"],
  );
});

test("config: a command replaces the image's, an entrypoint takes it away", () => {
  assert.deepEqual(commandOf(merge({ Cmd: ["other"] })), ["/entry", "other"]);
  assert.deepEqual(commandOf(merge({ Entrypoint: ["sh"] })), ["sh"]);
  assert.deepEqual(commandOf(merge({ Entrypoint: ["sh"], Cmd: ["-c"] })), ["sh", "-c"]);
  assert.deepEqual(commandOf(merge({ Entrypoint: [""], Cmd: ["ls"] })), ["ls"]);
});

test("config: nothing to run is refused", () => {
  assert.throws(() => mergeConfig({ Image: "x" }, {}, "host"), { message: "no command specified" });
});

test("config: the request's variables and labels win", () => {
  const config = merge({ Env: ["A=mine", "B=2"], Labels: { b: "2" } });
  assert.deepEqual(config.Env, ["A=mine", "B=2", "PATH=/bin"]);
  assert.deepEqual(config.Labels, { a: "1", b: "2" });
});

test("config: a relative working directory is refused in Docker's words", () => {
  assert.throws(() => merge({ WorkingDir: "rel" }), {
    message: "the working directory 'rel' is invalid, it needs to be an absolute path",
  });
});

test("config: a field of the wrong type is named", () => {
  assert.throws(() => merge({ Tty: "yes" }), {
    message:
      "invalid JSON: json: cannot unmarshal string into Go struct field ContainerConfigWrapper.Config.Tty of type bool",
  });
});

test("config: a command may be one string", () => {
  const { Cmd, Entrypoint, Shell } = merge({ Cmd: "", Entrypoint: "/bin/true", Shell: "sh" });
  assert.deepEqual([Cmd, Entrypoint, Shell], [[""], ["/bin/true"], ["sh"]]);
});

test("config: a command that is neither string nor list of them is refused in the words of Go's decoder", () => {
  const cases = [
    [5, "number"],
    [{}, "object"],
    [{ a: 5 }, "object"],
    [["a", 5], "array"],
    [false, "bool"],
  ] as const;
  for (const [Cmd, kind] of cases) {
    const message = `invalid JSON: json: cannot unmarshal ${kind} into Go struct field ContainerConfigWrapper.Config.Cmd of type string`;
    assert.throws(() => merge({ Cmd }), { message });
  }
});

test("config: triggers are the request's, never the image's", () => {
  const triggers = { ...image, OnBuild: ["RUN image"] };
  assert.equal(mergeConfig({ Image: "x" }, triggers, "host").OnBuild, null);
  assert.deepEqual(mergeConfig({ Image: "x", OnBuild: ["RUN own"] }, triggers, "host").OnBuild, ["RUN own"]);
});

test("config: escaped arguments are shown to who sent them", () => {
  assert.equal(merge({ ArgsEscaped: true }).ArgsEscaped, true);
  assert.equal("ArgsEscaped" in merge({ ArgsEscaped: false }), false);
});
