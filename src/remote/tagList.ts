import { EngineError, ErrorCode } from "#errors";
import type { Session } from "./session.ts";
import { headerOf } from "./transport.ts";

const MAX_PAGE_BYTES = 8 << 20;
const MAX_PAGES = 1000;
const MAX_TAGS = 1_000_000;
const NEXT = /<([^>]*)>\s*;[^,]*\brel="?next"?/i;

/** All tags of a repository, following `Link: <…>; rel="next"` on the same host only. */
export async function listTags(
  session: Session,
  path: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const tags: string[] = [];
  let target: string | URL = `/v2/${path}/tags/list`;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const response = await session.request({ method: "GET", target, signal });
    const bytes = await response.bytes(MAX_PAGE_BYTES, `tags of ${path}`);
    for (const tag of parseTags(bytes)) tags.push(tag);
    const link = NEXT.exec(headerOf(response.headers, "link") ?? "")?.[1];
    if (link === undefined) return tags;
    const next = URL.parse(link, response.request.url);
    if (next === null || next.host !== response.request.url.host) throw bad("the next page is on another host");
    if (tags.length > MAX_TAGS) break;
    target = next;
  }
  throw bad("too many tags");
}

function parseTags(bytes: Uint8Array): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    throw bad("not JSON");
  }
  const tags: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "tags") : undefined;
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
}

function bad(why: string): EngineError {
  return new EngineError("unavailable", ErrorCode.REGISTRY, `invalid list of tags: ${why}`);
}
