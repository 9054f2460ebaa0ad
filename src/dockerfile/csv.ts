import { invalidDockerfile } from "./dockerfileError.ts";

const PLAIN = /[^,]*/y;
const QUOTED = /"((?:[^"]|"")*)"/y;

/** Fields of one line of comma separated values; `"` may enclose a field that holds a comma. */
export function csvFields(line: string, what: string): readonly string[] {
  const fields: string[] = [];
  const wrong = (at: number, why: string): Error =>
    invalidDockerfile(`failed to parse csv ${what}: parse error on line 1, column ${at + 1}: ${why}`);
  for (let at = 0; at <= line.length; at += 1) {
    const quoted = line.charAt(at) === '"';
    const pattern = quoted ? QUOTED : PLAIN;
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match === null) throw wrong(line.length, 'extraneous or missing " in quoted-field');
    const field = quoted ? (match[1] ?? "").replaceAll('""', '"') : match[0];
    const bare = quoted ? -1 : field.indexOf('"');
    if (bare >= 0) throw wrong(at + bare, 'bare " in non-quoted-field');
    at += match[0].length;
    if (at < line.length && line.charAt(at) !== ",") throw wrong(at, 'extraneous or missing " in quoted-field');
    fields.push(field);
  }
  return fields;
}
