import type { HttpSource } from "../graph/operation.ts";

const UNNAMED = "download";

/** The file's name: asked for, else told by the server, else the end of the URL. Never one that leads elsewhere. */
export function filenameOf({ url, filename }: Pick<HttpSource, "url" | "filename">, disposition?: string): string {
  if (filename !== undefined && filename !== "") return safe(filename);
  const told = dispositionName(disposition ?? "");
  if (told !== undefined) return safe(told);
  const base = new URL(url).pathname.split("/").findLast((part) => part !== "");
  return safe(base === undefined ? "" : decode(base));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is a name too
  }
}

/** RFC 6266: `filename*=UTF-8''…` outweighs `filename="…"`. */
function dispositionName(header: string): string | undefined {
  const extended = /;\s*filename\*=UTF-8''([^;\s]+)/i.exec(header)?.[1];
  const [, quoted, plain] = /;\s*filename=(?:"((?:\\.|[^"\\])*)"|([^;\s]+))/i.exec(header) ?? [];
  const name = extended === undefined ? (quoted?.replaceAll(/\\(.)/g, "$1") ?? plain) : decode(extended);
  if (name === undefined || name.endsWith("/")) return undefined;
  return name.split("/").at(-1);
}

function safe(name: string): string {
  const base = name.split("/").at(-1) ?? "";
  const clean = base.replaceAll("\0", "");
  return clean === "" || clean === "." || clean === ".." ? UNNAMED : clean;
}
