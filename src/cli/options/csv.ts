/** One line of CSV as Go's encoding/csv reads it: `a,"b,c",d`. @throws {Error} in its words. */
export function csvFields(text: string): readonly string[] {
  if (text === "") throw new Error("EOF");
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const { field, next } = text[at] === '"' ? quotedField(text, at + 1) : bareField(text, at);
    fields.push(field);
    if (next >= text.length) return fields;
    at = next + 1;
  }
}

interface Field {
  readonly field: string;
  /** Where the comma stands, or the text's end. */
  readonly next: number;
}

const parseError = (column: number, why: string): Error => new Error(`parse error on line 1, column ${column}: ${why}`);

function bareField(text: string, start: number): Field {
  const comma = text.indexOf(",", start);
  const next = comma < 0 ? text.length : comma;
  const field = text.slice(start, next);
  const quote = field.indexOf('"');
  if (quote >= 0) throw parseError(start + quote + 1, 'bare " in non-quoted-field');
  return { field, next };
}

function quotedField(text: string, start: number): Field {
  let field = "";
  let at = start;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw parseError(text.length + 1, 'extraneous or missing " in quoted-field');
    field += text.slice(at, quote);
    const after = text[quote + 1];
    if (after === undefined || after === ",") return { field, next: quote + 1 };
    if (after !== '"') throw parseError(quote + 1, 'extraneous or missing " in quoted-field');
    field += '"';
    at = quote + 2;
  }
}
