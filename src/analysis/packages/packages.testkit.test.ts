/** Images made of texts, and RPM databases as rpm writes them. Named as a test so that it is exempt from what ships. */
import { DatabaseSync } from "node:sqlite";
import { buildImageTree, mergeImage, readPackages } from "#analysis";
import type { LayerEntry, MergedImage, Package, PackageSet } from "#analysis";
import { file, imageOf, layer } from "../analysis.testkit.test.ts";

export type Texts = Readonly<Record<string, string | Uint8Array>>;

export function imageWith(texts: Texts, more: readonly LayerEntry[] = []): MergedImage {
  const files = Object.entries(texts).map(([path, text]) => file(path, text.length));
  const layers = [layer(...files, ...more)];
  const contents = Object.fromEntries(Object.entries(texts).map(([path, text]) => [`0:${path}`, text]));
  return mergeImage(imageOf(layers, contents), buildImageTree(layers));
}

export async function packagesIn(texts: Texts, more: readonly LayerEntry[] = []): Promise<PackageSet> {
  return await readPackages(imageWith(texts, more), { files: true });
}

export const shown = (packages: readonly Package[]): readonly string[] =>
  packages.map(({ manager, name, version, arch, location }) =>
    [manager, name, version, arch ?? "-", location].join(" "),
  );

export const ownersShown = (set: PackageSet, path: string): string =>
  set
    .ownersOf(path)
    .map(({ manager, name }) => `${manager}:${name}`)
    .join(" ");

type RpmValue = string | readonly string[] | readonly number[];

const isNumbers = (value: RpmValue): value is readonly number[] =>
  typeof value !== "string" && typeof value[0] === "number";

/** A header as it lies in the database: counts, index, store. */
export function rpmHeader(tags: Readonly<Record<number, RpmValue>>): Buffer {
  const index: Buffer[] = [];
  const store: Buffer[] = [];
  let offset = 0;
  for (const [tag, value] of Object.entries(tags)) {
    const numbers = isNumbers(value) ? value : undefined;
    const texts = typeof value === "string" ? [value] : numbers === undefined ? (value as readonly string[]) : [];
    const padding = numbers === undefined ? 0 : (4 - (offset % 4)) % 4;
    store.push(Buffer.alloc(padding));
    offset += padding;
    const entry = Buffer.alloc(16);
    entry.writeUInt32BE(Number(tag), 0);
    entry.writeUInt32BE(numbers !== undefined ? 4 : typeof value === "string" ? 6 : 8, 4);
    entry.writeUInt32BE(offset, 8);
    entry.writeUInt32BE(numbers?.length ?? texts.length, 12);
    index.push(entry);
    const bytes =
      numbers === undefined
        ? Buffer.from(texts.map((text) => `${text}\0`).join(""), "latin1")
        : Buffer.concat(numbers.map((number) => Buffer.from(Uint32Array.of(number).buffer).swap32()));
    store.push(bytes);
    offset += bytes.length;
  }
  const intro = Buffer.alloc(8);
  intro.writeUInt32BE(index.length, 0);
  intro.writeUInt32BE(offset, 4);
  return Buffer.concat([intro, ...index, ...store]);
}

export const RPM_TABLE = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";

export function rpmDatabase(blobs: readonly Uint8Array[], table: string = RPM_TABLE): Buffer {
  const database = new DatabaseSync(":memory:");
  database.exec(table);
  for (const blob of blobs) database.prepare("INSERT INTO Packages (blob) VALUES (?)").run(blob);
  const bytes = Buffer.from(database.serialize());
  database.close();
  return bytes;
}
