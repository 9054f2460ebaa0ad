/**
 * How two images differ, as containers see them: `node compareArchives.ts docker-archive:a.tar oci-layout:b`. Any two sources will do.
 * Files of one size are read only where their times differ; layers that both have at the bottom cost nothing.
 */
import { diffFiles, diffPackages, mergeImage, openImage, readImageTree, readPackages, toDisplayPath } from "varve";
import type { MergedImage, OpenImage } from "varve";

const [first = "", second = ""] = process.argv.slice(2);

await using a = await openImage(first);
await using b = await openImage(second);

async function merge(image: OpenImage): Promise<MergedImage> {
  return mergeImage(image, await readImageTree(image));
}

const [before, after] = [await merge(a), await merge(b)];
for (const { kind, path, changes } of await diffFiles(before, after)) {
  console.log(`${kind} ${toDisplayPath(path)}${changes.length === 0 ? "" : ` (${changes.join(", ")})`}`);
}
const [old, now] = [await readPackages(before), await readPackages(after)];
for (const { kind, name, before: was, after: is } of diffPackages(old.packages, now.packages)) {
  console.log(`package ${name} ${kind}: ${was?.version ?? "none"} -> ${is?.version ?? "none"}`);
}
