import type { FoundPackage, PackageFiles } from "./package.ts";
import { MAX_PACKAGES } from "./package.ts";

/** `…/node_modules/NAME` and `…/node_modules/@SCOPE/NAME`. */
const PACKAGE_FOLDER = /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*$/;

function manifestFolders(source: PackageFiles): readonly string[] {
  const { tree, view } = source.merged;
  const folders: string[] = [];
  for (let node = 1; node < tree.nodeCount && folders.length < MAX_PACKAGES; node++) {
    if (tree.nameOf(node) !== "package.json" || !view.isPresent(node)) continue;
    const folder = tree.pathOf(tree.parentOf(node));
    if (PACKAGE_FOLDER.test(folder)) folders.push(folder);
  }
  return folders;
}

function textOf(value: unknown, key: string): string | undefined {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === "string" && found !== "" ? found : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Fixtures of packages' own tests are often broken on purpose.
    return undefined;
  }
}

/** What npm, yarn and pnpm put into `node_modules`, nested ones too. */
export async function readNpm(source: PackageFiles): Promise<readonly FoundPackage[]> {
  const found = await source.all(manifestFolders(source), async (folder): Promise<FoundPackage | undefined> => {
    const bytes = await source.read(`${folder}/package.json`);
    const manifest = bytes === undefined ? undefined : parseJson(bytes.toString("utf8"));
    const [name, version] = [textOf(manifest, "name"), textOf(manifest, "version")];
    if (name === undefined || version === undefined) return undefined;
    return {
      pkg: { manager: "npm", name, version, arch: undefined, location: folder },
      files: [],
      directories: [folder],
    };
  });
  return found.filter((item) => item !== undefined);
}
