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
export { exposedPorts } from "./exposedPorts.ts";
export { parseGitReference } from "./gitReference.ts";
export type { GitReference } from "./gitReference.ts";
export { createIgnoreMatcher } from "./ignoreMatcher.ts";
export type { IgnoreMatcher, IgnoreVisit } from "./ignoreMatcher.ts";
export type * from "./instruction.ts";
export { checkOptionsOf } from "./lint/checkOptions.ts";
export type { CheckOptions } from "./lint/checkOptions.ts";
export { lintBasePlatform, lintDefaultBase, lintFrom } from "./lint/fromRules.ts";
export type { FromExpansions } from "./lint/fromRules.ts";
export { createLinter, shortLintText } from "./lint/linter.ts";
export type { Linter, LintWarning } from "./lint/linter.ts";
export type { LintRuleName } from "./lint/lintRules.ts";
export { StageLinter } from "./lint/stageLinter.ts";
export type { LintPlace } from "./lint/stageLinter.ts";
export { parseDockerfile } from "./parseDockerfile.ts";
export { parseStages, parseTrigger } from "./parseStages.ts";
export { readIgnoreFile } from "./readIgnoreFile.ts";
export type { SubrequestAnswer } from "./subrequests/answer.ts";
export { describeAnswer } from "./subrequests/describe.ts";
export { lintAnswer } from "./subrequests/lintAnswer.ts";
export { OutlineCapture, outlineAnswer } from "./subrequests/outline.ts";
export { targetsAnswer } from "./subrequests/targets.ts";
