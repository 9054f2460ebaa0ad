import type { ImageManifestSummary, ImageSummary } from "#engineapi";
import { humanSize, shortId } from "./units.ts";

/** What the tree is drawn on. */
export interface TreeScreen {
  /** Colours are for terminals. */
  readonly isTerminal: boolean;
  readonly columns: number;
}

type Style = "name" | "plain" | "faint";
const UNTAGGED = "<untagged>";

interface Row {
  readonly name: string;
  readonly id: string;
  readonly disk: string;
  readonly content: string;
  readonly inUse: boolean;
  readonly style: Style;
}

const SPACING = "   ";
const WIDTHS = { id: 12, disk: 10, content: 12, extra: 5 };
const OTHER_COLUMNS = WIDTHS.id + WIDTHS.disk + WIDTHS.content + WIDTHS.extra + 4 * SPACING.length;
const RESET = "\x1b[0m";
const TITLE = "\x1b[39m\x1b[1m";
const STYLES: Readonly<Record<Style, string>> = {
  name: "\x1b[34m\x1b[1m",
  plain: "\x1b[39m",
  faint: "\x1b[39m\x1b[2m",
};
const CHIP = `\x1b[38;5;0m\x1b[48;5;14m U ${RESET}`;
const WARNING = "WARNING: This is an experimental feature. The output may change and shouldn't be depended on.";
const LEGEND = {
  terminal: `\x1b[1m\x1b[106m\x1b[30mi${RESET}${RESET} \x1b[96mInfo → ${RESET}${RESET} ${CHIP} In Use `,
  terminalWidth: 21,
  plain: "Info ->  U In Use ",
};

function platformText(platform: Readonly<Record<string, unknown>>): string {
  const parts = [platform["os"], platform["architecture"], platform["variant"]];
  return parts.filter((part) => typeof part === "string" && part !== "").join("/");
}

function platformRow(manifest: ImageManifestSummary, isLast: boolean): Row {
  const data = manifest.ImageData;
  return {
    name: `${isLast ? "└─" : "├─"} ${data === undefined ? "<unknown>" : platformText(data.Platform)}`,
    id: shortId(manifest.ID),
    disk: humanSize(manifest.Size.Total, 3),
    content: humanSize(manifest.Size.Content, 3),
    inUse: (data?.Containers.length ?? 0) > 0,
    style: manifest.Available ? "plain" : "faint",
  };
}

interface Block {
  /** Tags that stand above the row of the last one. */
  readonly above: readonly string[];
  readonly rows: readonly Row[];
}

function blockOf(image: ImageSummary): Block {
  // Longest first, as Docker's client does, so that the columns stand beside the shortest.
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>").toSorted((a, b) => b.length - a.length);
  const platforms = (image.Manifests ?? []).filter((manifest) => manifest.Kind === "image");
  const rows = platforms.map((manifest, index) => platformRow(manifest, index === platforms.length - 1));
  const top: Row = {
    name: tags.at(-1) ?? UNTAGGED,
    id: shortId(image.Id),
    disk: humanSize(image.Size, 3),
    content: humanSize(
      platforms.reduce((sum, manifest) => sum + manifest.Size.Content, 0),
      3,
    ),
    inUse: image.Containers > 0 || rows.some((row) => row.inUse),
    style: "name",
  };
  return { above: tags.slice(0, -1), rows: [top, ...rows] };
}

const widthOf = (text: string): number => Array.from(text).length;

function fitted(name: string, width: number): string {
  return widthOf(name) <= width
    ? name
    : `${Array.from(name)
        .slice(0, width - 1)
        .join("")}…`;
}

function rowText(row: Row, nameWidth: number, isTerminal: boolean): string {
  const styled = (text: string, style: Style): string =>
    isTerminal && text !== "" ? STYLES[style] + text + RESET : text;
  const rest = row.style === "name" ? "plain" : row.style;
  const right = (text: string, width: number): string =>
    " ".repeat(Math.max(0, width - text.length)) + styled(text, rest);
  const name = fitted(row.name, nameWidth);
  const used = isTerminal ? `${CHIP}  ` : "U".padEnd(WIDTHS.extra);
  return [
    styled(name, row.name === UNTAGGED ? "faint" : row.style) + " ".repeat(nameWidth - widthOf(name)),
    styled(row.id, rest) + " ".repeat(WIDTHS.id - row.id.length),
    right(row.disk, WIDTHS.disk),
    right(row.content, WIDTHS.content),
    row.inUse ? used : " ".repeat(WIDTHS.extra),
  ].join(SPACING);
}

/** Titles are bold even where nothing else is coloured: so does Docker's client, and both outputs are one. */
function header(nameWidth: number): string {
  const title = (text: string, width = text.length): string => TITLE + text + RESET + " ".repeat(width - text.length);
  return [
    title("IMAGE", nameWidth),
    title("ID", WIDTHS.id),
    title("DISK USAGE"),
    title("CONTENT SIZE"),
    title("EXTRA"),
  ].join(SPACING);
}

/** `images --tree`, as docker/cli 28 draws it: newest first, each image with its platforms below it. */
export function renderTree(images: readonly ImageSummary[], screen: TreeScreen, withUntagged: boolean): string {
  const { isTerminal, columns } = screen;
  const blocks = [...images]
    .sort((a, b) => b.Created - a.Created)
    .map(blockOf)
    .filter((block) => withUntagged || block.rows[0]?.name !== UNTAGGED);
  const names = blocks.flatMap((block) => [...block.above, ...block.rows.map((row) => row.name)]);
  const widest = Math.max("IMAGE".length, ...names.map(widthOf));
  const nameWidth = Math.max("IMAGE".length, Math.min(widest, columns - OTHER_COLUMNS));
  const legend = isTerminal
    ? " ".repeat(Math.max(0, columns - LEGEND.terminalWidth)) + LEGEND.terminal
    : LEGEND.plain.padStart(columns);
  const body = blocks.map(({ above, rows }) => {
    const tags = above
      .map((tag) => fitted(tag, nameWidth))
      .map((tag) => (isTerminal ? STYLES.name + tag + RESET : tag));
    return `${[...tags, ...rows.map((row) => rowText(row, nameWidth, isTerminal))].join("\n")}\n\n`;
  });
  const warning = isTerminal ? `\x1b[93m${WARNING}${RESET}` : WARNING;
  return `${warning}\n${legend}\n\n${header(nameWidth)}\n${body.join("")}`;
}
