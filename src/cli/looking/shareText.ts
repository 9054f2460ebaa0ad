import type { SharedLayer } from "#analysis";
import { humanSize, shortId } from "../format/units.ts";
import { instructionText } from "./whyText.ts";

/** Layers between two places where something branches off or an image ends. */
interface Segment {
  readonly layers: readonly SharedLayer[];
  readonly images: readonly string[];
  readonly children: readonly SharedLayer[];
}

interface Row {
  readonly name: string;
  readonly own: string;
  readonly layers: string;
  readonly total: string;
}

function segmentFrom(first: SharedLayer): Segment {
  const layers = [first];
  let last = first;
  for (let [only, ...more] = last.children; only !== undefined; [only, ...more] = last.children) {
    if (more.length > 0 || last.images.length > 0) break;
    layers.push(only);
    last = only;
  }
  return { layers, images: last.images, children: last.children };
}

function imagesBelow(layers: readonly SharedLayer[]): number {
  return layers.reduce((sum, { images, children }) => sum + images.length + imagesBelow(children), 0);
}

/** Draws a level of the tree: one row a segment, or one a layer too with `everyLayer`. */
class Drawing {
  readonly rows: Row[] = [];
  readonly #everyLayer: boolean;

  constructor(everyLayer: boolean) {
    this.#everyLayer = everyLayer;
  }

  level(layers: readonly SharedLayer[], prefix: string, below: number): void {
    for (const [index, layer] of layers.entries()) {
      const isRoot = prefix === "" && below === 0;
      const isLast = index === layers.length - 1;
      const branch = isRoot ? "" : isLast ? "└─ " : "├─ ";
      const rest = isRoot ? "" : isLast ? "   " : "│  ";
      this.#segment(segmentFrom(layer), { branch: prefix + branch, rest: prefix + rest, below });
    }
  }

  #segment(
    { layers, images, children }: Segment,
    { branch, rest, below }: { readonly branch: string; readonly rest: string; readonly below: number },
  ): void {
    const own = layers.reduce((sum, { bytes }) => sum + bytes, 0);
    const name = images.length > 0 ? images.join(", ") : `(shared by ${imagesBelow(children)} images)`;
    const total = below + own;
    this.rows.push({
      name: branch + name,
      own: humanSize(own, 3),
      layers: String(layers.length),
      total: humanSize(total, 3),
    });
    if (this.#everyLayer) {
      const bar = children.length > 0 ? "│" : " ";
      for (const { diffId, bytes, createdBy } of layers)
        this.rows.push({
          name: `${rest}${bar}  ${shortId(diffId)}  ${instructionText(createdBy).slice(0, 60)}`,
          own: humanSize(bytes, 3),
          layers: "",
          total: "",
        });
    }
    this.level(children, rest, total);
  }
}

/** `image tree`, for people: images below what they share. */
export function shareText(layers: readonly SharedLayer[], everyLayer: boolean): string {
  const drawing = new Drawing(everyLayer);
  for (const layer of layers) drawing.level([layer], "", 0);
  const rows: readonly Row[] = [{ name: "IMAGE", own: "OWN SIZE", layers: "LAYERS", total: "TOTAL" }, ...drawing.rows];
  const width = (key: keyof Row): number => Math.max(...rows.map((row) => row[key].length));
  const [name, own, count] = [width("name"), width("own"), width("layers")];
  return rows
    .map((row) =>
      `${row.name.padEnd(name)}   ${row.own.padEnd(own)}   ${row.layers.padEnd(count)}   ${row.total}`.trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
