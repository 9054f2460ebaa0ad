import { EngineError, ErrorCode } from "#errors";
import type { Fields } from "./fields.ts";

export const RESTART_POLICIES = ["no", "always", "on-failure", "unless-stopped"] as const;

/** `HostConfig.RestartPolicy`; `MaximumRetryCount` 0 is no limit. */
export interface RestartPolicy {
  readonly Name: (typeof RESTART_POLICIES)[number];
  readonly MaximumRetryCount: number;
}

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** @throws {invalid_argument} in Docker's words */
export function parseRestartPolicy(fields: Fields, autoRemove: boolean): RestartPolicy {
  const policy = fields.object("RestartPolicy");
  const text = policy.text("Name") || "no";
  const Name = RESTART_POLICIES.find((known) => known === text);
  const MaximumRetryCount = policy.integer("MaximumRetryCount");
  if (Name === undefined) {
    throw invalid(
      `invalid restart policy: unknown policy '${text}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  }
  if (Name !== "on-failure" && MaximumRetryCount !== 0) {
    const hint = MaximumRetryCount < 0 ? " and cannot be negative" : "";
    throw invalid(`invalid restart policy: maximum retry count can only be used with 'on-failure'${hint}`);
  }
  if (MaximumRetryCount < 0) throw invalid("invalid restart policy: maximum retry count cannot be negative");
  if (autoRemove && Name !== "no") throw invalid("can't create 'AutoRemove' container with restart policy");
  return { Name, MaximumRetryCount };
}
