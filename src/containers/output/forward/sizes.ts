/** `10m`, `1.5 GB`: bytes; undefined for what is none. */
export function parseSize(text: string, thousand: 1000 | 1024): number | undefined {
  const found = /^(\d+(?:\.\d+)*) ?([kmgtp]?)i?b?$/i.exec(text);
  if (found === null) return undefined;
  const [, number = "", unit = ""] = found;
  return Math.trunc(Number(number) * thousand ** " kmgtp".indexOf(unit.toLowerCase() || " "));
}
