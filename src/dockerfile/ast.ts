/** Lines of the Dockerfile, counted from 1, both ends included. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

/** The character that escapes and continues lines. */
export type EscapeCharacter = "\\" | "`";

export type DirectiveName = "syntax" | "escape" | "check";

/** A parser directive: `# syntax=docker/dockerfile:1`. */
export interface Directive {
  readonly name: DirectiveName;
  /** As written, trimmed. */
  readonly value: string;
  readonly location: LineRange;
}

/** A document that follows an instruction: `<<-EOF`. */
export interface Heredoc {
  readonly name: string;
  readonly fileDescriptor: number;
  /** False where a part of the name was quoted. */
  readonly expand: boolean;
  /** True of `<<-`: leading tabs are to be taken away (not done in `content`). */
  readonly chomp: boolean;
  readonly content: string;
}

/** One instruction as the grammar sees it. */
export interface DockerfileNode {
  /** The instruction's word as written, e.g. `RUN`, `from`. */
  readonly keyword: string;
  /** ENV and LABEL give three a pair: name, value, `=` or nothing. */
  readonly args: readonly string[];
  /** The arguments were a JSON array of strings. */
  readonly json: boolean;
  /** What follows ONBUILD. */
  readonly child?: DockerfileNode;
  readonly flags: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** The whole line, continuations joined, comments inside left out. */
  readonly original: string;
  readonly location: LineRange;
  /** Comment lines right before it, without `#`. */
  readonly comments: readonly string[];
}

export interface DockerfileWarning {
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly location: LineRange;
}

/** A Dockerfile as the grammar sees it; nothing in it has been expanded. */
export interface Dockerfile {
  /** Shown in errors; `Dockerfile` by default. */
  readonly filename: string;
  readonly text: string;
  readonly nodes: readonly DockerfileNode[];
  readonly directives: readonly Directive[];
  readonly escape: EscapeCharacter;
  readonly warnings: readonly DockerfileWarning[];
}
