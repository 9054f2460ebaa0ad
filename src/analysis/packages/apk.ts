import type { FoundPackage, PackageFiles } from "./package.ts";
import { MAX_PACKAGES } from "./package.ts";
import { splitStanzas, toCleanPath } from "./stanzas.ts";

/** Alpine's own place, and that of releases whose /lib is part of /usr. */
const DATABASES = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/** One stanza: `P:` name, `V:` version, `A:` arch, `F:` a directory, `R:` a name in it. */
function packageOf(stanza: string, location: string): FoundPackage | undefined {
  const fields = new Map<string, string>();
  const files: string[] = [];
  let folder = "";
  for (const line of stanza.split("\n")) {
    const value = line.slice(2);
    if (line[1] !== ":") continue;
    if (line[0] === "F") folder = value;
    else if (line[0] === "R") files.push(toCleanPath(`${folder}/${value}`));
    else fields.set(line[0] ?? "", value);
  }
  const name = fields.get("P");
  const version = fields.get("V");
  if (name === undefined || version === undefined) return undefined;
  const pkg = { manager: "apk", name, version, arch: fields.get("A"), location } as const;
  return { pkg, files: files.filter((path) => path !== ""), directories: [] };
}

/** Alpine's packages. */
export async function readApk(source: PackageFiles): Promise<readonly FoundPackage[]> {
  for (const location of DATABASES) {
    const installed = await source.read(location);
    if (installed === undefined) continue;
    return splitStanzas(installed.toString("latin1"))
      .slice(0, MAX_PACKAGES)
      .map((stanza) => packageOf(stanza, location))
      .filter((found) => found !== undefined);
  }
  return [];
}
