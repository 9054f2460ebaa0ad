import type { Writable } from "node:stream";
import type { ImageManifestSummary, ImageSummary } from "#engineapi";
import { terminalOf } from "../core/session.ts";
import { humanSize, shortId } from "./units.ts";

interface Line {
  readonly name: string;
  readonly id: string;
  readonly disk: string;
  readonly content: string;
  readonly inUse: boolean;
}

const GAP = "   ";
const USED = "U";

function platformText(platform: Readonly<Record<string, unknown>>): string {
  const parts = [platform["os"], platform["architecture"], platform["variant"]];
  return parts.filter((part) => typeof part === "string" && part !== "").join("/");
}

function childLine(manifest: ImageManifestSummary, isLast: boolean): Line {
  const data = manifest.ImageData;
  return {
    name: `${isLast ? "└─" : "├─"} ${data === undefined ? manifest.Kind : platformText(data.Platform)}`,
    id: shortId(manifest.ID),
    disk: humanSize(manifest.Available ? manifest.Size.Total : 0, 3),
    content: humanSize(manifest.Available ? manifest.Size.Content : 0, 3),
    inUse: (data?.Containers.length ?? 0) > 0,
  };
}

function names(image: ImageSummary): readonly string[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>");
  return tags.length === 0 ? ["<untagged>"] : tags;
}

function imageLines(image: ImageSummary): readonly Line[] {
  const shown = (image.Manifests ?? []).filter((manifest) => manifest.Kind === "image");
  const [first = "", ...others] = names(image);
  const available = shown.filter((manifest) => manifest.Available);
  const content = available.reduce((sum, manifest) => sum + manifest.Size.Content, 0);
  const top = {
    name: first,
    id: shortId(image.Id),
    disk: humanSize(image.Size, 3),
    content: humanSize(content, 3),
    inUse: image.Containers > 0 || shown.some((manifest) => (manifest.ImageData?.Containers.length ?? 0) > 0),
  };
  const more = others.map((name) => ({ name, id: "", disk: "", content: "", inUse: false }));
  return [...more, top, ...shown.map((manifest, index) => childLine(manifest, index === shown.length - 1))];
}

function cells(line: Line, width: number): string {
  const used = line.inUse ? USED : "";
  return [
    line.name.padEnd(width),
    line.id.padEnd(12),
    line.disk.padStart(12),
    line.content.padStart(14),
    used.padEnd(6),
  ].join(GAP);
}

/** `images --tree`: every image with its platforms below it; bold names on a terminal. */
export function renderTree(images: readonly ImageSummary[], out: Writable): string {
  const isTerminal = terminalOf(out) !== undefined;
  const blocks = images.map(imageLines);
  const width = Math.max("IMAGE".length, ...blocks.flat().map((line) => line.name.length));
  const header = [
    "IMAGE".padEnd(width),
    "ID".padEnd(12),
    "DISK USAGE".padStart(12),
    "CONTENT SIZE".padStart(14),
    "IN USE",
  ].join(GAP);
  const body = blocks.map((block) =>
    block
      .map((line) => {
        const text = cells(line, width).trimEnd();
        const isName = !/^[├└]/.test(line.name);
        return isTerminal && isName ? text.replace(line.name, `\x1b[1m${line.name}\x1b[0m`) : text;
      })
      .join("\n"),
  );
  return `${[header, ...body].join("\n\n").replace("\n\n", "\n")}\n`;
}
