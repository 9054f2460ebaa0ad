import { messageOf } from "#errors";
import { CommandError } from "../core/commandError.ts";
import type { Session } from "../core/session.ts";

/** How many requests run at once, as with Docker's client. */
const PARALLEL = 50;

/** Path of a container; `action` begins with `/`. @throws {Error} in Docker's words for an empty name. */
export function containerPath(name: string, action = ""): string {
  const trimmed = name.trim();
  if (trimmed === "") throw new Error("invalid container name or ID: value is empty");
  return `/containers/${encodeURIComponent(trimmed)}${action}`;
}

/** What one name came to: a line for stdout, or nothing. */
export type Act = (name: string) => Promise<string | undefined>;

/** Prints results in the order of the names, then fails with all that went wrong. */
async function report(session: Session, results: Iterable<Promise<string | undefined>>): Promise<undefined> {
  const failures: string[] = [];
  for (const result of results) {
    try {
      const line = await result;
      if (line !== undefined) session.print(`${line}\n`);
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new CommandError(failures.join("\n"));
  return undefined;
}

/** One after another; each line is printed as soon as it is there. */
export async function oneByOne(session: Session, names: readonly string[], act: Act): Promise<undefined> {
  function* results(): Generator<Promise<string | undefined>> {
    for (const name of names) yield act(name);
  }
  return report(session, results());
}

/** Several at once; lines come in the order of the names. */
export async function allAtOnce(session: Session, names: readonly string[], act: Act): Promise<undefined> {
  const slots = Array.from({ length: PARALLEL }, (): Promise<unknown> => Promise.resolve());
  const results = names.map((name, index) => {
    const free = slots[index % PARALLEL] ?? Promise.resolve();
    const result = free.then(() => act(name));
    // A failure is told in its turn, below.
    slots[index % PARALLEL] = result.catch(() => undefined);
    return result;
  });
  for (const result of results) result.catch(() => undefined);
  return report(session, results);
}
