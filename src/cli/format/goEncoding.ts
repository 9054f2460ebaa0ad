const ESCAPES: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
};

/** JSON as Go's json.Marshal and MarshalIndent write it: in the order given, safe inside HTML. */
export function goMarshal(value: unknown, indent?: string): string {
  const text = JSON.stringify(value, undefined, indent);
  // These characters stand in JSON in strings only.
  return text.replaceAll(/[<>&\u2028\u2029]/g, (character) => ESCAPES[character] ?? character);
}
