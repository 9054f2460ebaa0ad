export type {
  Directive,
  DirectiveName,
  Dockerfile,
  DockerfileNode,
  DockerfileWarning,
  EscapeCharacter,
  Heredoc,
  LineRange,
} from "./ast.ts";
export { detectSyntax } from "./directives.ts";
export type { SyntaxDirective } from "./directives.ts";
export { excerptOf, sourceExcerpt, sourceOf, withSource } from "./dockerfileError.ts";
export type { ErrorSource } from "./dockerfileError.ts";
export { expandInstruction } from "./expandInstruction.ts";
export type { ExpandedInstruction } from "./expandInstruction.ts";
export { expandWord } from "./expandWord.ts";
export type { Expansion, ExpandOptions, Variables } from "./expandWord.ts";
export { createIgnoreMatcher } from "./ignoreMatcher.ts";
export type { IgnoreMatcher, IgnoreVisit } from "./ignoreMatcher.ts";
export type * from "./instruction.ts";
export { parseDockerfile } from "./parseDockerfile.ts";
export { parseStages, parseTrigger } from "./parseStages.ts";
export { readIgnoreFile } from "./readIgnoreFile.ts";
