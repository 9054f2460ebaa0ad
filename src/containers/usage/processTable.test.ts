import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePsArguments, parsePsOutput } from "./processTable.ts";

test("top: the container's rows, the last column whole", () => {
  const output =
    "UID   PID  PPID  C STIME TTY   TIME CMD\nroot    1     0  0 02:10 ?  00:00:00 /sbin/init a\nroot   42     1  0 02:10 ?  00:00:00 sleep 10  20\n";
  assert.deepEqual(parsePsOutput(output, new Set([42])), {
    Processes: [["root", "42", "1", "0", "02:10", "?", "00:00:00", "sleep 10 20"]],
    Titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
  });
});

test("top: the PID column may stand anywhere; threads go with their process", () => {
  const output = "COMMAND PID\nother 1\n- -\nmine 2\nthread -\n";
  assert.deepEqual(parsePsOutput(output, new Set([2])).Processes, [
    ["mine", "2"],
    ["thread", "-"],
  ]);
});

test("top: no row is null, as in Go", () => {
  assert.deepEqual(parsePsOutput("PID CMD\n1 init\n", new Set()), { Processes: null, Titles: ["PID", "CMD"] });
});

test("top: errors in Docker's words", () => {
  assert.throws(() => parsePsOutput("COMMAND\nsleep\n", new Set([1])), {
    message: "Couldn't find PID field in ps output",
  });
  assert.throws(() => parsePsOutput("PID\nx\n", new Set([1])), {
    message: `Unexpected pid 'x': strconv.Atoi: parsing "x": invalid syntax`,
  });
});

test("top: the PID column must keep its name", () => {
  assert.deepEqual(parsePsArguments("-eo  pid,comm"), ["-eo", "pid,comm"]);
  for (const text of ["-o pid=x", "-opid=", "o pid=x", "-o user,pid=PID2"])
    assert.throws(() => parsePsArguments(text), /specifying "PID=\S*" is not allowed/, text);
});
