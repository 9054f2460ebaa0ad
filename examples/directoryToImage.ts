/**
 * A directory as an image, pushed or written: `node directoryToImage.ts ./site registry:127.0.0.1:5000/site:1` (or
 * `oci-layout:DIR`, `docker-archive:FILE:site:1`). The same directory gives the same image, on any machine and as any user.
 */
import { imageFromDirectory, writeImage } from "varve";

const [directory = ".", destination = "oci-layout:image"] = process.argv.slice(2);

await using image = await imageFromDirectory(directory, {
  prefix: "srv/www",
  platform: "linux/amd64",
  config: { WorkingDir: "/srv/www", Labels: { "org.opencontainers.image.title": "A directory" } },
  filter: (path) => path !== ".git" && path !== "node_modules",
});
const { manifestDigest, blobsWritten, blobsSkipped } = await writeImage(image, destination);
console.log(`${manifestDigest}: ${blobsWritten} blobs written, ${blobsSkipped} there already`);
