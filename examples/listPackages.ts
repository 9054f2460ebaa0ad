/** What is installed in an image (dpkg, apk, rpm, npm, pip): `node listPackages.ts registry:debian:12-slim [PLATFORM]`. */
import { mergeImage, openImage, readImageTree, readPackages } from "varve";

const [source = "", platform] = process.argv.slice(2);

await using image = await openImage(source, platform === undefined ? {} : { platform });
const { packages, notes } = await readPackages(mergeImage(image, await readImageTree(image)));
for (const { manager, name, version, arch } of packages) {
  console.log(`${manager} ${name} ${version}${arch === undefined ? "" : ` ${arch}`}`);
}
for (const note of notes) console.error(note);
