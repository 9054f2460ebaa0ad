import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { must } from "./process.ts";

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "varve");

/** Debian's own mirror as this machine is set up to use it; undefined lets mmdebstrap choose. */
function mirror(): string | undefined {
  const path = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"].find((candidate) =>
    existsSync(candidate),
  );
  if (path === undefined) return undefined;
  return /^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(https?:\S+)/m.exec(readFileSync(path, "utf8"))?.[1];
}

/** A real Debian 12 root filesystem as a tar, built once per machine with mmdebstrap. */
export async function debianRootfs(): Promise<string> {
  const path = join(CACHE, "debian-12-minbase.tar");
  if (existsSync(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const unfinished = `${path}.${process.pid}.tar`;
  const from = mirror();
  await must(
    "mmdebstrap",
    ["--quiet", "--variant=minbase", "bookworm", unfinished, ...(from === undefined ? [] : [from])],
    { timeoutMs: 300_000 },
  );
  await rename(unfinished, path);
  return path;
}
