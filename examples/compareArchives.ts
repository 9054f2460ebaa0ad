/**
 * How the files of two images differ, as containers see them: `node compareArchives.ts docker-archive:a.tar oci-layout:b`. Any two
 * sources will do. A file's content is taken to be the same where size and time are.
 */
import { openImage, openImageFiles, toDisplayPath } from "varve";
import type { ImageFile } from "varve";

const [first = "", second = ""] = process.argv.slice(2);

await using a = await openImage(first);
await using b = await openImage(second);
const [before, after] = await Promise.all([openImageFiles(a), openImageFiles(b)]);

function collect(files: typeof before): ReadonlyMap<string, ImageFile> {
  const root = files.find("/");
  if (root === undefined) return new Map();
  return new Map([...files.walk(root)].map((file) => [file.path, file]));
}

/** What a user would care about. */
function brief({ entry }: ImageFile): string {
  const { type, mode, uid, gid, size, target = "", mtimeSeconds } = entry;
  return [type, mode.toString(8), `${uid}:${gid}`, size, type === "directory" ? "" : mtimeSeconds, target].join(" ");
}

const [old, now] = [collect(before), collect(after)];
for (const path of [...new Set([...old.keys(), ...now.keys()])].sort()) {
  const [was, is] = [old.get(path), now.get(path)];
  const name = toDisplayPath(path);
  if (was === undefined) console.log(`A ${name}`);
  else if (is === undefined) console.log(`D ${name}`);
  else if (brief(was) !== brief(is)) console.log(`C ${name}: ${brief(was)} -> ${brief(is)}`);
}
