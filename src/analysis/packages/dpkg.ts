import { parseStanza, splitStanzas, toCleanPath } from "./stanzas.ts";
import type { FoundPackage, Package, PackageFiles } from "./package.ts";
import { MAX_PACKAGES } from "./package.ts";

const STATUS = "var/lib/dpkg/status";
const INFO = "var/lib/dpkg/info";
const STATUS_D = "var/lib/dpkg/status.d";

/** Third word of `Status:` of what has left nothing but its configuration. */
const GONE: ReadonlySet<string> = new Set(["not-installed", "config-files"]);

function packageOf(stanza: string, location: string): Package | undefined {
  const fields = parseStanza(stanza);
  const name = fields.get("package");
  const version = fields.get("version");
  const state = fields.get("status")?.split(/\s+/)[2];
  if (name === undefined || version === undefined || (state !== undefined && GONE.has(state))) return undefined;
  return { manager: "dpkg", name, version, arch: fields.get("architecture"), location };
}

/** The lines of a `.list`. */
export function parseFileList(text: string): readonly string[] {
  return text
    .split("\n")
    .map(toCleanPath)
    .filter((path) => path !== "");
}

/** The paths of a `.md5sums`: `<32 hex>  path`. */
export function parseMd5sums(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => /^[0-9a-f]{32} [ *](.*)$/.exec(line)?.[1] ?? "")
    .map(toCleanPath)
    .filter((path) => path !== "");
}

async function filesOf(source: PackageFiles, { name, arch }: Package): Promise<readonly string[]> {
  if (!source.wantsFiles) return [];
  const list =
    (await source.read(`${INFO}/${name}.list`)) ??
    (arch === undefined ? undefined : await source.read(`${INFO}/${name}:${arch}.list`));
  return list === undefined ? [] : parseFileList(list.toString("latin1"));
}

async function readStatus(source: PackageFiles): Promise<readonly FoundPackage[]> {
  const status = await source.read(STATUS);
  if (status === undefined) return [];
  const packages = splitStanzas(status.toString("latin1"))
    .slice(0, MAX_PACKAGES)
    .map((stanza) => packageOf(stanza, STATUS))
    .filter((pkg) => pkg !== undefined);
  return await source.all(packages, async (pkg) => ({ pkg, files: await filesOf(source, pkg), directories: [] }));
}

/** Images without dpkg, as distroless ones, keep a stanza for each package in a file of its own. */
async function readStatusDirectory(source: PackageFiles): Promise<readonly FoundPackage[]> {
  const { tree, view } = source.merged;
  const folder = tree.find(STATUS_D);
  if (folder === undefined || !view.isPresent(folder)) return [];
  const names = [...tree.childrenOf(folder)]
    .filter((child) => view.isPresent(child) && view.entryOf(child)?.type === "file")
    .map((child) => tree.nameOf(child))
    .filter((name) => !name.endsWith(".md5sums") && !name.endsWith(".list"))
    .slice(0, MAX_PACKAGES);
  const found = await source.all(names, async (name): Promise<FoundPackage | undefined> => {
    const location = `${STATUS_D}/${name}`;
    const stanza = await source.read(location);
    const pkg = stanza === undefined ? undefined : packageOf(stanza.toString("latin1"), location);
    if (pkg === undefined) return undefined;
    const sums = source.wantsFiles ? await source.read(`${location}.md5sums`) : undefined;
    return { pkg, files: sums === undefined ? [] : parseMd5sums(sums.toString("latin1")), directories: [] };
  });
  return found.filter((item) => item !== undefined);
}

/** Debian's and Ubuntu's packages. */
export async function readDpkg(source: PackageFiles): Promise<readonly FoundPackage[]> {
  return [...(await readStatus(source)), ...(await readStatusDirectory(source))];
}
