import { findEngineError, messageOf } from "#errors";
import { CommandError } from "../core/commandError.ts";
import type { Session } from "../core/session.ts";
import { parseTemplate } from "../template/template.ts";
import type { Template } from "../template/template.ts";
import { TEMPLATE_PREFIX } from "../template/templateError.ts";
import type { GoValue } from "../template/value.ts";

/** Docker's exit code for a template of inspect, info and version that cannot be read. */
const BAD_TEMPLATE = 64;

/** Runs what may parse a template; a template that cannot be read ends with Docker's exit code for that. */
export function readingTemplate<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (findEngineError(error)?.details?.["phase"] === "parse") throw new CommandError(messageOf(error), BAD_TEMPLATE);
    throw error;
  }
}

/** The `--format` of `info` and `version`. `name` stands in messages. */
export function statusTemplate(wish: string, name: string): Template | undefined {
  return wish === "" || wish === "json" ? undefined : readingTemplate(() => parseTemplate(wish, name));
}

/** Prints a status by a template; where it fails, what it had printed stands, and Go's bare words are the error. */
export function printStatus(session: Session, template: Template, value: GoValue): void {
  try {
    session.print(`${template.execute(value)}\n`);
  } catch (error) {
    const printed = findEngineError(error)?.details?.["printed"];
    session.print(`${typeof printed === "string" ? printed : ""}\n`);
    throw new CommandError(messageOf(error).replace(TEMPLATE_PREFIX, ""));
  }
}
