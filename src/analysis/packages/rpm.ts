import { DatabaseSync } from "node:sqlite";
import { messageOf } from "#errors";
import type { FoundPackage, PackageFiles } from "./package.ts";
import { MAX_PACKAGES } from "./package.ts";
import { parseRpmHeader } from "./rpmHeader.ts";
import { toCleanPath } from "./stanzas.ts";

const FOLDERS = ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

/** Databases of other kinds, by file name. */
const OTHERS: readonly (readonly [name: string, kind: string])[] = [
  ["Packages.db", "ndb"],
  ["Packages", "Berkeley DB"],
];

/** What rpm itself makes. Anything else (a view, computed columns) could make SQLite work without end. */
const TABLE =
  /^CREATE TABLE ['"]?Packages['"]? ?\( ?hnum INTEGER PRIMARY KEY(?: AUTOINCREMENT)?, ?blob BLOB NOT NULL ?\)$/i;

const FILE_FORMAT_WRITE = 18;
const FILE_FORMAT_READ = 19;
const ROLLBACK_JOURNAL = 1;

/** The header blobs of a database file that is in memory. */
function* blobsOf(file: Buffer): Generator<Buffer> {
  const bytes = Uint8Array.from(file);
  // A database in memory has no write-ahead log: SQLite refuses files that say they may have one.
  bytes[FILE_FORMAT_WRITE] = ROLLBACK_JOURNAL;
  bytes[FILE_FORMAT_READ] = ROLLBACK_JOURNAL;
  const database = new DatabaseSync(":memory:", { allowExtension: false });
  try {
    database.deserialize(bytes);
    database.exec("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON");
    const made = database.prepare("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'Packages'").get();
    if (!TABLE.test(String(made?.["sql"]))) throw new Error("it has no table Packages as rpm makes it");
    const rows = database.prepare(`SELECT blob FROM Packages NOT INDEXED LIMIT ${MAX_PACKAGES}`).iterate();
    for (const { blob } of rows) if (blob instanceof Uint8Array) yield Buffer.from(blob);
  } finally {
    database.close();
  }
}

function packagesOf(file: Buffer, location: string, wantsFiles: boolean): readonly FoundPackage[] {
  const found: FoundPackage[] = [];
  for (const blob of blobsOf(file)) {
    const parsed = parseRpmHeader(blob, wantsFiles);
    if (parsed === undefined) continue;
    const { name, version, arch, files } = parsed;
    found.push({
      pkg: { manager: "rpm", name, version, arch, location },
      files: files.map(toCleanPath).filter((path) => path !== ""),
      directories: [],
    });
  }
  return found;
}

async function readFolder(source: PackageFiles, folder: string): Promise<readonly FoundPackage[] | undefined> {
  const location = `${folder}/rpmdb.sqlite`;
  const file = await source.read(location);
  if (file === undefined) return undefined;
  const log = await source.read(`${location}-wal`);
  if (log !== undefined && log.length > 0) source.note(`/${location} has a write-ahead log, which is not read`);
  try {
    return packagesOf(file, location, source.wantsFiles);
  } catch (error) {
    source.note(`/${location} is not read: ${messageOf(error)}`);
    return [];
  }
}

function noteOthers(source: PackageFiles): void {
  const { tree, view } = source.merged;
  for (const folder of FOLDERS) {
    for (const [name, kind] of OTHERS) {
      const node = tree.find(`${folder}/${name}`);
      if (node === undefined || view.entryOf(node)?.type !== "file" || !view.isPresent(node)) continue;
      source.note(`/${folder}/${name} is not read: RPM databases of the kind ${kind} are not supported`);
    }
  }
}

/** Packages of Fedora, Red Hat, SUSE and their kin, from the SQLite database that RPM has kept since 4.16. */
export async function readRpm(source: PackageFiles): Promise<readonly FoundPackage[]> {
  for (const folder of FOLDERS) {
    const found = await readFolder(source, folder);
    if (found !== undefined) return found;
  }
  noteOthers(source);
  return [];
}
