import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import * as fc from "fast-check";

import { isInvalidArgument, messageOf } from "#errors";
import { goQuote } from "#gotext";

import type { DockerfileNode } from "./ast.ts";
import { detectSyntax } from "./directives.ts";
import { sourceExcerpt, sourceOf } from "./dockerfileError.ts";
import { parseDockerfile } from "./parseDockerfile.ts";

/** The tree as the golden files write it. */
function dump(node: DockerfileNode): string {
  const flags = node.flags.length === 0 ? "" : ` [${node.flags.map((flag) => goQuote(flag)).join(" ")}]`;
  const rest = node.child === undefined ? node.args.map((word) => goQuote(word)) : [`(${dump(node.child)})`];
  return [`${node.keyword.toLowerCase()}${flags}`, ...rest].join(" ");
}

const tree = (text: string): string =>
  parseDockerfile(text)
    .nodes.map((node) => `(${dump(node)})`)
    .join("\n");

const FIXTURES = resolve(import.meta.dirname, "../../../shared/fixtures/dockerfile-parser");
const cases = (folder: string): readonly string[] =>
  existsSync(join(FIXTURES, folder)) ? readdirSync(join(FIXTURES, folder)) : [];

test("parser: golden cases", {
  skip: existsSync(FIXTURES) ? false : "shared/fixtures/dockerfile-parser is absent: all its cases are left out",
}, (t) => {
  for (const name of cases("testfiles")) {
    const folder = join(FIXTURES, "testfiles", name);
    const text = readFileSync(join(folder, "Dockerfile"), "utf8");
    assert.equal(`${tree(text)}\n`, readFileSync(join(folder, "result"), "utf8"), name);
  }
  for (const name of cases("testfiles-negative")) {
    const text = readFileSync(join(FIXTURES, "testfiles-negative", name, "Dockerfile"), "utf8");
    assert.throws(() => parseDockerfile(text), isInvalidArgument, name);
  }
  t.diagnostic(`${cases("testfiles").length} files, ${cases("testfiles-negative").length} wrong ones`);
});

const failure = (text: string): unknown => {
  try {
    parseDockerfile(text);
  } catch (error) {
    return error;
  }
  return undefined;
};

test("parser: lines of nodes, comments and continuations", () => {
  const { nodes, warnings } = parseDockerfile(
    "\n# one\nFROM a\n\nRUN x \\\n  # inside\n\n  y\n# base is it\n  ENV a=b\n",
  );
  assert.deepEqual(
    nodes.map(({ location, original }) => [location.start, location.end, original]),
    [
      [3, 3, "FROM a"],
      [5, 8, "RUN x   y"],
      [10, 10, "ENV a=b"],
    ],
  );
  assert.deepEqual(nodes[2]?.comments, ["base is it"]);
  assert.equal(warnings[0]?.short, "Empty continuation line found in: RUN x   y");
});

test("parser: directives", () => {
  const parsed = parseDockerfile(
    "# syntax = docker/dockerfile:1 \n#escape=`\n# check=skip=all\nFROM a\nRUN a`\n b\\c\n",
  );
  assert.deepEqual(
    parsed.directives.map(({ name, value }) => [name, value]),
    [
      ["syntax", "docker/dockerfile:1"],
      ["escape", "`"],
      ["check", "skip=all"],
    ],
  );
  assert.equal(parsed.nodes[1]?.original, "RUN a b\\c");
  assert.deepEqual(parsed.nodes[0]?.comments, []);
  assert.match(messageOf(failure("#escape=`\n#escape=`\nFROM a")), /^only one escape parser directive can be used$/);
  assert.equal(messageOf(failure("#escape=x\nFROM a")), "invalid escape token 'x' does not match ` or \\");
});

test("parser: the frontend a file asks for", () => {
  assert.equal(detectSyntax("#!/usr/bin/x\n# syntax=a/b:1 more\nFROM x")?.reference, "a/b:1");
  assert.equal(detectSyntax("// syntax=a\n")?.reference, "a");
  assert.equal(detectSyntax('{"syntax":"a/b"}')?.reference, "a/b");
  assert.equal(detectSyntax("FROM a\n# syntax=a"), undefined);
});

test("parser: heredocs", () => {
  const { nodes } = parseDockerfile(
    `FROM a\nRUN <<A 3<<-'B' python\nx $y\nA\n\ttabs\n\tB\nCOPY <<"E 1" /x\nz\nE 1\nONBUILD RUN <<C\no\nC\nRUN ["<<A"]\nCMD <<A\n`,
  );
  assert.deepEqual(nodes[1]?.heredocs, [
    { name: "A", fileDescriptor: 0, chomp: false, expand: true, content: "x $y\n" },
    { name: "B", fileDescriptor: 3, chomp: true, expand: false, content: "\ttabs\n" },
  ]);
  assert.equal(nodes[2]?.heredocs[0]?.name, "E 1");
  assert.equal(nodes[3]?.heredocs[0]?.content, "o\n");
  assert.equal(nodes[4]?.heredocs.length, 0);
  const error = failure("FROM a\nRUN <<A\nx\n");
  assert.equal(messageOf(error), "unterminated heredoc");
  assert.deepEqual(sourceOf(error)?.location, { start: 2, end: 3 });
});

test("parser: errors show their lines", () => {
  const text = "FROM a\nRUN b\nENV x\nRUN c\n";
  const error = failure(text);
  assert.equal(messageOf(error), "ENV must have two arguments");
  assert.equal(
    sourceExcerpt(error, text),
    [
      "Dockerfile:3",
      "--------------------",
      "   1 |     FROM a",
      "   2 |     RUN b",
      "   3 | >>> ENV x",
      "   4 |     RUN c",
      "   5 |     ",
      "--------------------",
      "",
    ].join("\n"),
  );
});

test("parser: a line or a file that is too long is refused", () => {
  assert.ok(parseDockerfile(`FROM a\nLABEL a=${"b".repeat(65_000)}`));
  const message = "dockerfile line greater than max allowed size of 65535";
  assert.equal(messageOf(failure(`FROM a\nLABEL a=${"b".repeat(65_536)}`)), message);
  assert.match(messageOf(failure("x".repeat((16 << 20) + 1))), /larger than/);
});

test("parser: ten megabytes of lines and of heredocs are read", () => {
  assert.equal(parseDockerfile("RUN a b c\n".repeat(1 << 20)).nodes.length, 1 << 20);
  const documents = Array.from({ length: 5000 }, (_, index) => `E${index}`);
  const heads = documents.map((name) => `<<${name}`).join(" ");
  const { nodes } = parseDockerfile(`RUN ${heads}\n${documents.map((name) => `x\n${name}\n`).join("")}`);
  assert.equal(nodes[0]?.heredocs.length, 5000);
});

test("parser: any text parses or is refused with its place", () => {
  const piece = fc.constantFrom(
    "FROM a",
    "RUN ",
    "<<E",
    "E",
    "\\",
    "\n",
    "\n",
    "#",
    " ",
    "\t",
    "--x=",
    '"',
    "'",
    "[",
    "]",
    "ENV a=",
    "ONBUILD ",
    "COPY a b",
    "\r",
    "`",
    "$x",
    ",",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 40 }), (pieces) => {
      const text = pieces.join("");
      try {
        let last = 0;
        for (const { location } of parseDockerfile(text).nodes) {
          assert.ok(location.start > last && location.end >= location.start);
          last = location.end;
        }
        assert.ok(last <= text.split("\n").length);
      } catch (error) {
        assert.ok(isInvalidArgument(error), String(error));
        assert.notEqual(sourceOf(error), undefined);
      }
    }),
  );
});
