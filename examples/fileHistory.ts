/** What each layer did to a path: `node fileHistory.ts docker-archive:image.tar etc/passwd`. */
import { explainPath, fromDisplayPath, mergeImage, openImage, readImageTree, toDisplayPath } from "varve";

const [source = "", path = ""] = process.argv.slice(2);

await using image = await openImage(source);
const merged = mergeImage(image, await readImageTree(image));
const history = explainPath(merged, fromDisplayPath(path));
if (history === undefined) console.log(`${path} is in no layer`);
for (const { kind, layer, changes, hiddenBy, wastedBytes } of history?.events ?? []) {
  const how = [...changes, ...(hiddenBy === undefined ? [] : [`${hiddenBy.kind} of ${toDisplayPath(hiddenBy.path)}`])];
  const wasted = wastedBytes === 0 ? "" : `, ${wastedBytes} bytes wasted`;
  console.log(`${layer.index} ${kind}${how.length === 0 ? "" : ` (${how.join(", ")})`}${wasted}: ${layer.history?.created_by ?? ""}`);
}
