/** A rule of BuildKit's checks: what `--check` tells of it beside the place and the words. */
interface LintRule {
  readonly description: string;
  /** Last part of its page's address; absent for a rule without a page. */
  readonly page?: string;
  /** Reported only where `experimental=` asks for it. */
  readonly experimental?: boolean;
}

export type LintRuleName =
  | "StageNameCasing"
  | "FromAsCasing"
  | "NoEmptyContinuation"
  | "ConsistentInstructionCasing"
  | "DuplicateStageName"
  | "ReservedStageName"
  | "JSONArgsRecommended"
  | "MaintainerDeprecated"
  | "UndefinedArgInFrom"
  | "WorkdirRelativePath"
  | "UndefinedVar"
  | "MultipleInstructionsDisallowed"
  | "LegacyKeyValueFormat"
  | "InvalidBaseImagePlatform"
  | "RedundantTargetPlatform"
  | "SecretsUsedInArgOrEnv"
  | "InvalidDefaultArgInFrom"
  | "FromPlatformFlagConstDisallowed"
  | "CopyIgnoredFile"
  | "InvalidDefinitionDescription"
  | "ExposeProtoCasing"
  | "ExposeInvalidFormat";

const PAGES = "https://docs.docker.com/go/dockerfile/rule/";

const RULES: Readonly<Record<LintRuleName, LintRule>> = {
  StageNameCasing: { page: "stage-name-casing", description: "Stage names should be lowercase" },
  FromAsCasing: {
    page: "from-as-casing",
    description: "The 'as' keyword should match the case of the 'from' keyword",
  },
  NoEmptyContinuation: {
    page: "no-empty-continuation",
    description: "Empty continuation lines will become errors in a future release",
  },
  ConsistentInstructionCasing: {
    page: "consistent-instruction-casing",
    description: "All commands within the Dockerfile should use the same casing (either upper or lower)",
  },
  DuplicateStageName: { page: "duplicate-stage-name", description: "Stage names should be unique" },
  ReservedStageName: {
    page: "reserved-stage-name",
    description: "Reserved words should not be used as stage names",
  },
  JSONArgsRecommended: {
    page: "json-args-recommended",
    description: "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
  },
  MaintainerDeprecated: {
    page: "maintainer-deprecated",
    description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
  },
  UndefinedArgInFrom: { page: "undefined-arg-in-from", description: "FROM command must use declared ARGs" },
  WorkdirRelativePath: {
    page: "workdir-relative-path",
    description:
      "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
  },
  UndefinedVar: { page: "undefined-var", description: "Variables should be defined before their use" },
  MultipleInstructionsDisallowed: {
    page: "multiple-instructions-disallowed",
    description: "Multiple instructions of the same type should not be used in the same stage",
  },
  LegacyKeyValueFormat: {
    page: "legacy-key-value-format",
    description: "Legacy key/value format with whitespace separator should not be used",
  },
  InvalidBaseImagePlatform: { description: "Base image platform does not match expected target platform" },
  RedundantTargetPlatform: {
    page: "redundant-target-platform",
    description: "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
  },
  SecretsUsedInArgOrEnv: {
    page: "secrets-used-in-arg-or-env",
    description: "Sensitive data should not be used in the ARG or ENV commands",
  },
  InvalidDefaultArgInFrom: {
    page: "invalid-default-arg-in-from",
    description: "Default value for global ARG results in an empty or invalid base image name",
  },
  FromPlatformFlagConstDisallowed: {
    page: "from-platform-flag-const-disallowed",
    description: "FROM --platform flag should not use a constant value",
  },
  CopyIgnoredFile: {
    page: "copy-ignored-file",
    description: "Attempting to Copy file that is excluded by .dockerignore",
  },
  InvalidDefinitionDescription: {
    page: "invalid-definition-description",
    description:
      "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
    experimental: true,
  },
  ExposeProtoCasing: {
    page: "expose-proto-casing",
    description: "Protocol in EXPOSE instruction should be lowercase",
  },
  ExposeInvalidFormat: {
    page: "expose-invalid-format",
    description:
      "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
  },
};

export function lintRule(name: LintRuleName): LintRule {
  return RULES[name];
}

/** Address of a rule's page; empty where it has none. */
export function lintRuleUrl(name: LintRuleName): string {
  const { page } = lintRule(name);
  return page === undefined ? "" : `${PAGES}${page}/`;
}
