import { basename, dirname, join, normalize } from "node:path/posix";

/** Go's filepath.Clean: no slash at the end but for the root. */
export function clean(path: string): string {
  const short = normalize(path);
  return short.length > 1 && short.endsWith("/") ? short.slice(0, -1) : short;
}

/** Go's filepath.Base: the last part, `.` for nothing, `/` for the root. */
export function base(path: string): string {
  if (path === "") return ".";
  return basename(path) || "/";
}

/** `x/.`: what is in the directory, not the directory. */
export function namesContent(path: string): boolean {
  return base(path) === ".";
}

/** `x/` and `x/.` say that it is a directory. */
export function assertsDirectory(path: string): boolean {
  return path.endsWith("/") || namesContent(path);
}

/** Directory and last part; a last `.` is kept, for it means something. */
export function splitEntry(path: string): { readonly folder: string; readonly name: string } {
  const cleaned = namesContent(path) ? `${clean(path)}/.` : clean(path);
  const name = base(cleaned);
  return { folder: name === "." ? clean(path) : dirname(cleaned), name };
}

/** `cleaned` with the `/` or `/.` that `written` ends with. */
export function keepEnding(cleaned: string, written: string): string {
  let path = cleaned;
  if (!namesContent(path) && namesContent(written)) path = path.endsWith("/") ? `${path}.` : `${path}/.`;
  return written.endsWith("/") && !path.endsWith("/") ? `${path}/` : path;
}

/** A link's target as seen from where the link is. */
export function linkedPath(link: string, target: string): string {
  return target.startsWith("/") ? target : join(splitEntry(link).folder, target);
}

/** The followed path with the ending that was written, and the name that it was asked for by, when that is another. */
export function rebaseName(written: string, followed: string): { readonly path: string; readonly rebase: string } {
  const path = keepEnding(followed, written);
  return { path, rebase: base(written) === base(path) ? "" : base(written) };
}

/** An argument of `cp`: `web:/etc` is in a container, `./a:b` and `/a:b` are not. */
export function splitArgument(text: string): { readonly container: string; readonly path: string } {
  const at = text.indexOf(":");
  if (text.startsWith("/") || text.startsWith(".") || at < 0) return { container: "", path: text };
  return { container: text.slice(0, at), path: text.slice(at + 1) };
}
