import assert from "node:assert/strict";
import { test } from "node:test";
import { boolFlag, filterFlag, intFlag, listFlag, stringFlag } from "./flags.ts";
import { parseFlags } from "./parseFlags.ts";
import type { ParsedFlags } from "./parseFlags.ts";

const FLAGS = {
  detach: boolFlag("d", "Run in background"),
  env: listFlag("e", "Set environment variables"),
  filter: filterFlag("f", "Filter output"),
  human: boolFlag("H", "Human", true),
  interactive: boolFlag("i", "Keep STDIN open"),
  last: intFlag("n", "Show n", -1),
  name: stringFlag(undefined, "Assign a name"),
  tty: boolFlag("t", "Allocate a pseudo-TTY"),
};

const parse = (args: readonly string[], interspersed = true): ParsedFlags => parseFlags(args, FLAGS, { interspersed });

test("flags: shorts join, take attached, separate and = values", () => {
  const { values, rest } = parse(["-it", "-eA=1", "-e", "B=2", "-e=C=3", "-dn5", "image"]);
  assert.deepEqual(values["env"], ["A=1", "B=2", "C=3"]);
  assert.deepEqual([values["interactive"], values["tty"], values["detach"], values["last"]], [true, true, true, 5]);
  assert.deepEqual(rest, ["image"]);
});

test("flags: long flags take = and separate values, switches take only =", () => {
  const { values, rest, given } = parse(["--name=x", "--human=false", "--tty", "false", "--env", "A"]);
  assert.deepEqual([values["name"], values["human"], values["tty"], values["env"]], ["x", false, true, ["A"]]);
  assert.deepEqual(rest, ["false"]);
  assert.deepEqual([...given].sort(), ["env", "human", "name", "tty"]);
});

test("flags: defaults hold when a flag is not given", () => {
  const { values, given } = parse([]);
  assert.deepEqual([values["last"], values["human"], values["env"], given.size], [-1, true, [], 0]);
});

test("flags: nothing after the first argument is a flag when the command says so", () => {
  assert.deepEqual(parse(["-d", "image", "-i", "--rm"], false).rest, ["image", "-i", "--rm"]);
  assert.deepEqual(parse(["image", "-i", "cmd"]).rest, ["image", "cmd"]);
});

test("flags: -- ends flags, - is an argument", () => {
  assert.deepEqual(parse(["-d", "--", "-i", "-"]).rest, ["-i", "-"]);
  assert.deepEqual(parse(["-", "-d"]).rest, ["-"]);
});

test("flags: filters gather values by lower-case key", () => {
  const { values } = parse(["-f", "Label=a=b", "--filter", "label=c", "-f", "dangling = true"]);
  assert.deepEqual(values["filter"], { label: ["a=b", "c"], dangling: ["true"] });
});

test("flags: help is told apart by its spelling, unless -h is taken", () => {
  assert.equal(parse(["--help", "--nosuch"]).help, "--help");
  assert.equal(parse(["-h"]).help, "-h");
  assert.equal(parse(["x"]).help, false);
});

// The words are pflag's, seen with docker CLI 28.2.
const FAILURES: readonly (readonly [args: readonly string[], message: string])[] = [
  [["--foo"], "unknown flag: --foo"],
  [["--foo=1"], "unknown flag: --foo"],
  [["-Z"], "unknown shorthand flag: 'Z' in -Z"],
  [["-itZx"], "unknown shorthand flag: 'Z' in -Zx"],
  [["-e"], "flag needs an argument: 'e' in -e"],
  [["-ie"], "flag needs an argument: 'e' in -e"],
  [["--name"], "flag needs an argument: --name"],
  [["--=x"], "bad flag syntax: --=x"],
  [["--tty=x"], 'invalid argument "x" for "-t, --tty" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  [["-n", "a"], 'invalid argument "a" for "-n, --last" flag: strconv.ParseInt: parsing "a": invalid syntax'],
  [["-f", "bad"], 'invalid argument "bad" for "-f, --filter" flag: bad format of filter (expected name=value)'],
];

for (const [args, message] of FAILURES) {
  test(`flags: refused in pflag's words when given ${args.join(" ")}`, () => {
    assert.throws(() => parse(args), { message });
  });
}

test("flags: an inherited property is no flag when named like one", () => {
  assert.throws(() => parse(["--constructor"]), { message: "unknown flag: --constructor" });
});
