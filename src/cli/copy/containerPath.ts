import type { Session } from "../core/session.ts";
import { containerPath } from "../stream/forEach.ts";

/** What the daemon tells of a path (`X-Docker-Container-Path-Stat`). */
export interface ContainerStat {
  readonly isFolder: boolean;
  readonly isLink: boolean;
  readonly kind: "device" | "irregular file" | undefined;
  readonly linkTarget: string;
}

// Bits of Go's os.FileMode.
const DIRECTORY = 1 << 31;
const SYMLINK = 1 << 27;
const DEVICE = 1 << 26;
const IRREGULAR = 1 << 19;

function kindOf(mode: number): ContainerStat["kind"] {
  if ((mode & DEVICE) !== 0) return "device";
  return (mode & IRREGULAR) === 0 ? undefined : "irregular file";
}

/** Reads the header. @throws {Error} when the daemon sent none. */
export function parseStat(header: string | readonly string[] | undefined): ContainerStat {
  const text = Buffer.from(typeof header === "string" ? header : "", "base64").toString("utf8");
  if (text === "") throw new Error("unable to get resource stat from response: unexpected end of JSON input");
  const { mode = 0, linkTarget = "" } = JSON.parse(text) as { readonly mode?: number; readonly linkTarget?: string };
  return {
    isFolder: (mode & DIRECTORY) !== 0,
    isLink: (mode & SYMLINK) !== 0,
    kind: kindOf(mode),
    linkTarget,
  };
}

/** A path in a container; undefined when it is not there, or cannot be asked for. */
export async function statInContainer(
  session: Session,
  container: string,
  path: string,
): Promise<ContainerStat | undefined> {
  try {
    const { headers, body } = await session.client.open({
      method: "HEAD",
      path: containerPath(container, "/archive"),
      query: { path },
    });
    body.destroy();
    return parseStat(headers["x-docker-container-path-stat"]);
  } catch {
    // The copy itself tells what is wrong.
    return undefined;
  }
}
