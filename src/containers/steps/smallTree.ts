import { closeSync, constants, lstatSync, openSync, readdirSync } from "node:fs";
import { TarOutput } from "../files/tarOutput.ts";
import { TreeWriter } from "../files/treeWriter.ts";

const MAX_ENTRIES = 32;
const MAX_BYTES = 256 << 10;
const SLASH = Buffer.from("/");

/**
 * The tar of an upper directory that nobody works on any more, when it is so small that the way to another thread and back
 * costs more than the work, above all where other processes want the processors; undefined when it is not.
 */
export function smallTreeTar(upper: string): readonly Uint8Array[] | undefined {
  if (!isSmall(Buffer.from(upper), { entries: 0, bytes: 0 })) return undefined;
  const chunks: Uint8Array[] = [];
  const output = new TarOutput((chunk) => chunks.push(chunk));
  const fd = openSync(upper, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    new TreeWriter(output, { overlay: true, checkStop: () => undefined }).directory(fd, "", false);
  } finally {
    closeSync(fd);
  }
  output.end();
  return chunks;
}

function isSmall(directory: Buffer, seen: { entries: number; bytes: number }): boolean {
  for (const entry of readdirSync(directory, { withFileTypes: true, encoding: "buffer" })) {
    seen.entries += 1;
    if (seen.entries > MAX_ENTRIES) return false;
    const path = Buffer.concat([directory, SLASH, entry.name]);
    if (entry.isFile()) seen.bytes += lstatSync(path).size;
    if (seen.bytes > MAX_BYTES) return false;
    if (entry.isDirectory() && !isSmall(path, seen)) return false;
  }
  return true;
}
