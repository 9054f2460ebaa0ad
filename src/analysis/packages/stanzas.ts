/**
 * Fields of a Debian control stanza; continuation lines are dropped (no field of ours has any). Names in lower case.
 */
export function parseStanza(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0 || line.startsWith(" ") || line.startsWith("\t")) continue;
    const name = line.slice(0, colon).toLowerCase();
    if (!fields.has(name)) fields.set(name, line.slice(colon + 1).trim());
  }
  return fields;
}

/** The stanzas of a control file: blocks between empty lines. */
export function splitStanzas(text: string): readonly string[] {
  return text.split(/\n[ \t\r]*\n/).filter((stanza) => stanza.trim() !== "");
}

/** `/usr/bin/x` and `./usr/bin/x` → `usr/bin/x`; "" for what is no path of a file. */
export function toCleanPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") ? "" : parts.join("/");
}
