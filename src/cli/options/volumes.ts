import { isAbsolute, resolve } from "node:path";

/** `--volume` list → binds of the host's paths and named volumes, and anonymous volumes. */
export interface Volumes {
  readonly binds: readonly string[];
  readonly anonymous: Readonly<Record<string, Readonly<Record<string, never>>>>;
}

/** Splits at colons, but for one after a single letter, which would be a drive of Windows. */
function sections(spec: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  for (const char of spec) {
    if (char === ":" && !/^\p{L}$/u.test(part)) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  return [...parts, part];
}

/** The part before the target; empty for an anonymous volume. @throws {Error} in Docker's words. */
function sourceOf(spec: string): string {
  if (spec === "") throw new Error("invalid empty volume spec");
  if (Buffer.byteLength(spec) <= 2) return "";
  const parts = sections(spec);
  if (parts.some((part) => part === "")) throw new Error(`invalid spec: ${spec}: empty section between colons`);
  if (parts.length > 3) throw new Error(`invalid spec: ${spec}: too many colons`);
  return parts.length === 1 ? "" : (parts[0] ?? "");
}

const isPath = (source: string): boolean => /^[./~]|^\\\\|^\p{L}:/u.test(source);

/** The client makes a relative path absolute; the daemon may be elsewhere. */
function absolute(spec: string): string {
  const at = spec.indexOf(":");
  const host = spec.slice(0, at);
  return !isAbsolute(host) && host.startsWith(".") ? `${resolve(host)}${spec.slice(at)}` : spec;
}

/** @throws {Error} `invalid spec: a::b: empty section between colons`. */
export function parseVolumes(list: readonly string[]): Volumes {
  const specs = [...new Set(list)];
  const bound = specs.flatMap((spec) => {
    const source = sourceOf(spec);
    if (source === "") return [];
    return [{ spec, bind: isPath(source) ? absolute(spec) : spec }];
  });
  const anonymous = specs.filter((spec) => !bound.some((entry) => entry.spec === spec));
  return { binds: bound.map(({ bind }) => bind), anonymous: Object.fromEntries(anonymous.map((spec) => [spec, {}])) };
}
