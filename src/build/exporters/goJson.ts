/** JSON as Go's encoding/json writes it, so that digests are those that BuildKit would get: keys stay in the given order. */
export function goJson(value: unknown, indent?: string): string {
  return (JSON.stringify(value, undefined, indent) ?? "null").replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A Go map: keys in byte order. */
export function goMap<V>(map: Readonly<Record<string, V>>): Readonly<Record<string, V>> {
  const keys = Object.keys(map).map((key) => ({ key, bytes: Buffer.from(key) }));
  keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  const sorted: Record<string, V> = {};
  for (const { key } of keys) {
    const value = map[key];
    if (value !== undefined) sorted[key] = value;
  }
  return sorted;
}

/** `omitempty`: without empty strings, lists and maps, zero, false and null. */
export function withoutEmpty(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
