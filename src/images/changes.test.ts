import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerDefaults } from "#oci";
import { applyChanges } from "./changes.ts";

/** What dockerd 26.1.5 made of `docker import -c …`. */
const APPLIED: Readonly<Record<string, ContainerDefaults>> = {
  "CMD echo hi": { Cmd: ["/bin/sh", "-c", "echo hi"] },
  'CMD ["a","b"]': { Cmd: ["a", "b"] },
  CMD: { Cmd: ["/bin/sh", "-c"] },
  'CMD ["a"': { Cmd: ["/bin/sh", "-c", '["a"'] },
  "cmd x": { Cmd: ["/bin/sh", "-c", "x"] },
  'ENV A=1 B="x y" C=a\\ b': { Env: ["A=1", "B=x y", "C=a b"] },
  "ENV A hello world": { Env: ["A=hello world"] },
  "ENV A=1=2": { Env: ["A=1=2"] },
  "ENV a b=c": { Env: ["a=b=c"] },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of a Dockerfile
  "ENV X=$PATH Y=${X}z": { Env: ["X=", "Y=z"] },
  'ENV A="q\\"r" B=s\'t\'u': { Env: ['A=q"r', "B=stu"] },
  "EXPOSE 80 443/udp 10-12": {
    ExposedPorts: { "10/tcp": {}, "11/tcp": {}, "12/tcp": {}, "443/udp": {}, "80/tcp": {} },
  },
  "EXPOSE 1.2.3.4:80:80": { ExposedPorts: { "80/tcp": {} } },
  'LABEL a=b "c d"=e': { Labels: { a: "b", "c d": "e" } },
  "USER 1:2": { User: "1:2" },
  "USER a b": { User: "a b" },
  "USER $A": { User: "" },
  "WORKDIR x": { WorkingDir: "/x" },
  "WORKDIR /a/../b/": { WorkingDir: "/b" },
  "VOLUME /a /b": { Volumes: { "/a": {}, "/b": {} } },
  'VOLUME ["/c d"]': { Volumes: { "/c d": {} } },
  "STOPSIGNAL SIGTERM": { StopSignal: "SIGTERM" },
  "STOPSIGNAL 9": { StopSignal: "9" },
  "ONBUILD RUN x": { OnBuild: ["RUN x"] },
  "HEALTHCHECK --interval=5s --retries=2 CMD curl x": {
    Healthcheck: { Test: ["CMD-SHELL", "curl x"], Interval: 5e9, Retries: 2 },
  },
  "HEALTHCHECK NONE": { Healthcheck: { Test: ["NONE"] } },
  'HEALTHCHECK CMD ["a","b"]': { Healthcheck: { Test: ["CMD", "a", "b"] } },
  "HEALTHCHECK --retries=0 CMD x": { Healthcheck: { Test: ["CMD-SHELL", "x"] } },
  "ENTRYPOINT foo bar": { Entrypoint: ["/bin/sh", "-c", "foo bar"] },
  'ENTRYPOINT ["x"]': { Entrypoint: ["x"] },
  "ENTRYPOINT []": { Entrypoint: null },
};

const REFUSED: Readonly<Record<string, string>> = {
  'SHELL ["/bin/bash","-c"]': "SHELL is not a valid change command",
  "FOO x": "FOO is not a valid change command",
  "RUN x": "RUN is not a valid change command",
  RUN: "RUN is not a valid change command",
  'LABEL a="b\nc"': 'c" is not a valid change command',
  "# c": "file with no instructions",
  "ENV A": "ENV must have two arguments",
  ENV: "ENV requires at least one argument",
  "ENV =x": "ENV names can not be blank",
  "LABEL a": "LABEL must have two arguments",
  "ENV A='x": 'failed to process "\'x": unexpected end of statement while looking for matching single-quote',
  EXPOSE: "EXPOSE requires at least one argument",
  "EXPOSE abc": "Invalid containerPort: abc",
  "EXPOSE 99999": "Invalid containerPort: 99999",
  "EXPOSE 80/foo": "Invalid proto: foo",
  STOPSIGNAL: "STOPSIGNAL requires exactly one argument",
  "STOPSIGNAL XX": "invalid signal: XX",
  "STOPSIGNAL a b": "invalid signal: a b",
  ONBUILD: "ONBUILD requires at least one argument",
  "ONBUILD FROM x": "FROM isn't allowed as an ONBUILD trigger",
  "ONBUILD ONBUILD RUN x": "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
  HEALTHCHECK: "HEALTHCHECK requires at least one argument",
  "HEALTHCHECK CMD": "Missing command after HEALTHCHECK CMD",
  "HEALTHCHECK FOO x": 'Unknown type "FOO" in HEALTHCHECK (try CMD)',
  "HEALTHCHECK NONE x": "HEALTHCHECK NONE takes no arguments",
  "HEALTHCHECK --foo=1 CMD x": "unknown flag: foo",
  "HEALTHCHECK --interval=5 CMD x": 'time: missing unit in duration "5"',
  "HEALTHCHECK --interval=-5s CMD x": 'Interval "interval" cannot be less than 1ms',
  USER: "USER requires exactly one argument",
  WORKDIR: "WORKDIR requires exactly one argument",
  VOLUME: "VOLUME requires at least one argument",
  'VOLUME [""]': "VOLUME specified can not be an empty string",
  'CMD ["a",1]': "when using JSON array syntax, arrays must be comprised of strings only",
};

for (const [change, config] of Object.entries(APPLIED)) {
  test(`changes: ${JSON.stringify(change)} gives what dockerd gives`, () => {
    assert.deepEqual(applyChanges([change]), config);
  });
}

for (const [change, message] of Object.entries(REFUSED)) {
  test(`changes: ${JSON.stringify(change)} is refused in dockerd's words`, () => {
    assert.throws(() => applyChanges([change]), { category: "invalid_argument", message });
  });
}

test("changes: later instructions see earlier ones when several are given", () => {
  const changes = ["ENV A=1\nENV B=$A", "ENV A=2", "WORKDIR /w", "WORKDIR $B", "LABEL l='$A'\\\n  m=$A"];
  assert.deepEqual(applyChanges(changes), {
    Env: ["A=2", "B=1"],
    WorkingDir: "/w/1",
    Labels: { l: "$A", m: "2" },
  });
});

test("changes: substitutions choose when a variable is unset or empty", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of a Dockerfile
  const changes = ["ENV E=", "ENV A=${E:-x} B=${E-x} C=${N:-$E} D=${N-y} F=${E:+z} G=${E+z}"];
  assert.deepEqual(applyChanges(changes).Env, ["E=", "A=x", "B=", "C=", "D=y", "F=", "G=z"]);
});

test("changes: the base config stays when there is no change", () => {
  const base: ContainerDefaults = { User: "me" };
  assert.equal(applyChanges([], base), base);
});
