import { parseCount } from "./numbers.ts";

/** HostConfig.RestartPolicy. */
export interface RestartPolicy {
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

/** `on-failure:3`. The daemon judges the name. @throws {Error} in Docker's words. */
export function parseRestartPolicy(text: string): RestartPolicy {
  const at = text.indexOf(":");
  if (at === 0) throw new Error("invalid restart policy format: no policy provided before colon");
  const Name = at < 0 ? text : text.slice(0, at);
  const count = at < 0 ? "" : text.slice(at + 1);
  if (count === "") return { Name, MaximumRetryCount: 0 };
  try {
    return { Name, MaximumRetryCount: parseCount(count) };
  } catch (cause) {
    throw new Error("invalid restart policy format: maximum retry count must be an integer", { cause });
  }
}
