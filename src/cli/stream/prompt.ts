import { createInterface } from "node:readline";
import { CommandError } from "../core/commandError.ts";
import { inputTerminal } from "../core/session.ts";
import type { Session } from "../core/session.ts";

/** Asks a yes/no question on stdout; only `y` and `Y` are yes. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  session.print(`${question} [y/N] `);
  const answer = await readLine(session);
  return /^y$/i.test(answer.trim());
}

async function readLine(session: Session): Promise<string> {
  const lines = createInterface({ input: session.stdin, terminal: false });
  try {
    for await (const line of lines) return line;
    return "";
  } finally {
    lines.close();
  }
}

/** Asks for one line; `hidden` shows nothing of it. @throws {CommandError} when stdin is no terminal. */
export async function ask(session: Session, question: string, hidden = false): Promise<string> {
  const terminal = inputTerminal(session.stdin);
  if (terminal === undefined)
    throw new CommandError("Error: Cannot perform an interactive login from a non TTY device");
  session.print(question);
  if (!hidden) return (await readLine(session)).trim();
  terminal.setRawMode(true);
  try {
    return await readHidden(session);
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    session.print("\n");
  }
}

async function readHidden(session: Session): Promise<string> {
  let text = "";
  for await (const chunk of session.stdin.iterator({ destroyOnReturn: false })) {
    for (const char of String(chunk)) {
      if (char === "\r" || char === "\n") return text;
      if (char === "\u0003") throw new CommandError("", 130);
      text = char === "\u007f" || char === "\b" ? text.slice(0, -1) : text + char;
    }
  }
  return text;
}
