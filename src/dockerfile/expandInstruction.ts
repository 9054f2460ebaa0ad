import type { EscapeCharacter } from "./ast.ts";
import { expandWord, type ExpandOptions, type Variables } from "./expandWord.ts";
import type { FileTransfer, Instruction, KeyValue } from "./instruction.ts";
import { parseMount } from "./runMount.ts";

export interface ExpandedInstruction {
  readonly instruction: Instruction;
  /** Names that had a value. */
  readonly matched: ReadonlySet<string>;
  /** Names that had none. */
  readonly unmatched: ReadonlySet<string>;
  /** The same names as a check sees them: once for each word without one of them, EXPOSE left out. */
  readonly undefinedNames: readonly string[];
}

class InstructionExpander {
  readonly #variables: Variables;
  readonly #escape: EscapeCharacter;
  readonly matched: Set<string> = new Set<string>();
  readonly unmatched: Set<string> = new Set<string>();
  readonly undefinedNames: string[] = [];

  constructor(variables: Variables, escape: EscapeCharacter) {
    this.#variables = variables;
    this.#escape = escape;
  }

  #expand(text: string, options: ExpandOptions = {}): { readonly result: string; readonly words: readonly string[] } {
    if (text === "") return { result: "", words: [] };
    const expansion = expandWord(text, this.#variables, { escape: this.#escape, ...options });
    for (const name of expansion.matched) this.matched.add(name);
    for (const name of expansion.unmatched) this.unmatched.add(name);
    this.undefinedNames.push(...expansion.unmatched);
    return expansion;
  }

  readonly word = (text: string): string => this.#expand(text).result;

  readonly words = (text: string): readonly string[] => this.#expand(text).words;

  pairs(pairs: readonly KeyValue[]): readonly KeyValue[] {
    return pairs.map(({ key, value, legacy }) => ({ key: this.word(key), value: this.word(value), legacy }));
  }

  /** Excludes stay as written. A heredoc's escape is `\` always, and its quotes mean nothing. */
  files(files: FileTransfer): Pick<FileTransfer, "sources" | "contents" | "destination" | "chown" | "chmod"> {
    return {
      chown: this.word(files.chown),
      chmod: this.word(files.chmod),
      sources: files.sources.map(this.word),
      destination: this.word(files.destination),
      contents: files.contents.map((file) =>
        file.expand ? { ...file, data: this.#expand(file.data, { escape: "\\", ignoreQuotes: true }).result } : file,
      ),
    };
  }
}

function expanded(instruction: Instruction, expander: InstructionExpander): Instruction {
  switch (instruction.kind) {
    case "add":
      return { ...instruction, checksum: expander.word(instruction.checksum), ...expander.files(instruction) };
    case "copy":
      return { ...instruction, ...expander.files(instruction) };
    case "arg":
      return {
        ...instruction,
        args: instruction.args.map(({ key, value, description }) => ({
          key,
          ...(value === undefined ? {} : { value: expander.word(value) }),
          description,
        })),
      };
    case "env":
      return { ...instruction, variables: expander.pairs(instruction.variables) };
    case "label":
      return { ...instruction, labels: expander.pairs(instruction.labels) };
    case "expose":
      return { ...instruction, ports: instruction.ports.flatMap(expander.words) };
    case "run":
      return { ...instruction, mounts: instruction.mountFlags.map((flag) => parseMount(flag, expander.word)) };
    case "stopsignal":
      return { ...instruction, signal: expander.word(instruction.signal) };
    case "user":
      return { ...instruction, user: expander.word(instruction.user) };
    case "volume":
      return { ...instruction, volumes: instruction.volumes.map(expander.word) };
    case "workdir":
      return { ...instruction, path: expander.word(instruction.path) };
    case "cmd":
    case "entrypoint":
    case "healthcheck":
    case "maintainer":
    case "onbuild":
    case "shell":
      return instruction;
  }
}

/**
 * Expands the fields of an instruction that may hold variables, and only those: all of ENV, LABEL, ARG, EXPOSE, USER,
 * VOLUME, WORKDIR, STOPSIGNAL; of COPY and ADD paths, `--chown`, `--chmod`, `--checksum` and unquoted heredocs; of RUN
 * its mounts, which are whole only now. What a command's shell expands stays. `original` stays as written.
 * ENV and ARG see the variables from before the instruction.
 * @throws {invalid_argument} as `expandWord`, and for a mount that is wrong once it is expanded. Without lines: add
 * them by `withSource`.
 */
export function expandInstruction(
  instruction: Instruction,
  variables: Variables,
  options: { readonly escape?: EscapeCharacter } = {},
): ExpandedInstruction {
  const expander = new InstructionExpander(variables, options.escape ?? "\\");
  const result = expanded(instruction, expander);
  const { matched, unmatched } = expander;
  const undefinedNames = instruction.kind === "expose" ? [] : expander.undefinedNames;
  return { instruction: result, matched, unmatched, undefinedNames };
}
