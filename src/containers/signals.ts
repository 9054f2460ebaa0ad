import { constants } from "node:os";
import { EngineError, ErrorCode } from "#errors";

/** signal(7): the real-time signals that glibc leaves to programs. */
const REALTIME = { MIN: 34, MAX: 64 } as const;

/** `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` → number; undefined when Linux has no such signal. */
export function findSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= REALTIME.MAX ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realtime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realtime !== null) {
    const [, base, sign = "+", offset = "0"] = realtime;
    const number = (base === "MIN" ? REALTIME.MIN : REALTIME.MAX) + Number(`${sign}${offset}`);
    return number >= REALTIME.MIN && number <= REALTIME.MAX ? number : undefined;
  }
  const known: Readonly<Record<string, number>> = constants.signals;
  return known[`SIG${name}`];
}

/** @throws {invalid_argument} `invalid signal: FOO` */
export function parseSignal(text: string): number {
  const number = findSignal(text);
  if (number !== undefined) return number;
  if (/^0*[1-9]\d*$/.test(text)) {
    const message = `the linux daemon does not support signal ${Number(text)}`;
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid signal: ${text}`);
}
