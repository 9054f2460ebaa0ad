/** COPY and ADD. */
import type { DockerfileNode } from "./ast.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import { Flags, type FlagTypes } from "./flags.ts";
import { chompTabs, parseHeredocWord, type HeredocHead } from "./heredoc.ts";
import type { AddInstruction, CopyInstruction, FileTransfer, InlineFile, InstructionBase } from "./instruction.ts";

const COMMON: FlagTypes = { chown: "text", chmod: "text", link: "boolean", exclude: "texts" };
const COPY_FLAGS: FlagTypes = { ...COMMON, from: "text", parents: "boolean" };
const ADD_FLAGS: FlagTypes = { ...COMMON, "keep-git-dir": "boolean", checksum: "text", unpack: "boolean" };

function headOf(word: string): HeredocHead | undefined {
  try {
    return parseHeredocWord(word);
  } catch {
    // A word that does not lex is a path.
    return undefined;
  }
}

function checkCount(node: DockerfileNode, keyword: string): void {
  if (node.args.length >= 2) return;
  throw invalidDockerfile(
    `${keyword} requires at least two arguments, but only one was provided. Destination could not be determined`,
  );
}

function transfer(node: DockerfileNode, keyword: string, flags: Flags): FileTransfer {
  const destination = node.args.at(-1) ?? "";
  if (headOf(destination) !== undefined) {
    throw invalidDockerfile(`${keyword} cannot accept a heredoc as a destination`);
  }
  const documents = new Map(node.heredocs.map((heredoc) => [heredoc.name, heredoc.content]));
  const sources: string[] = [];
  const contents: InlineFile[] = [];
  for (const source of node.args.slice(0, -1)) {
    const head = headOf(source);
    if (head === undefined) {
      sources.push(source);
      continue;
    }
    const content = documents.get(head.name) ?? "";
    contents.push({ path: head.name, data: head.chomp ? chompTabs(content) : content, expand: head.expand });
  }
  return {
    sources,
    contents,
    destination,
    chown: flags.text("chown"),
    chmod: flags.text("chmod"),
    link: flags.boolean("link") ?? false,
    exclude: flags.texts("exclude"),
  };
}

export function parseCopy(node: DockerfileNode, base: InstructionBase): CopyInstruction {
  checkCount(node, "COPY");
  const flags = new Flags(node.flags, COPY_FLAGS);
  return {
    ...base,
    ...transfer(node, "COPY", flags),
    kind: "copy",
    from: flags.text("from"),
    parents: flags.boolean("parents") ?? false,
  };
}

export function parseAdd(node: DockerfileNode, base: InstructionBase): AddInstruction {
  checkCount(node, "ADD");
  const flags = new Flags(node.flags, ADD_FLAGS);
  const keepGitDir = flags.boolean("keep-git-dir");
  const unpack = flags.boolean("unpack");
  return {
    ...base,
    ...transfer(node, "ADD", flags),
    kind: "add",
    checksum: flags.text("checksum"),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
    ...(unpack === undefined ? {} : { unpack }),
  };
}
