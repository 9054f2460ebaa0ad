import { changeNames } from "#analysis";
import type { LayerEntry } from "#analysis";
import { toDisplayPath } from "#tar";
import { printable } from "../terminal/textWidth.ts";
import { bytesText, modeText, STATE_WORDS } from "./words.ts";
import { nodeAtCursor } from "./state.ts";
import type { ImageFacts, LayerFacts, State } from "./state.ts";

/** One line of the details: `Digest: sha256:…`; without label it goes on from the line before. */
export interface Detail {
  readonly label: string;
  readonly value: string;
}

const optional = (label: string, value: string | undefined): readonly Detail[] =>
  value === undefined || value === "" ? [] : [{ label, value: printable(value) }];

function layerDetails(facts: LayerFacts, bytes: number, image: ImageFacts): readonly Detail[] {
  const [first = "", ...rest] = facts.command.split("\n");
  return [
    { label: "Size", value: `${bytesText(bytes)} (${bytes} bytes)` },
    ...optional("Digest", facts.digest),
    { label: "Command", value: printable(first) },
    ...rest.map((value) => ({ label: "", value: printable(value) })),
    ...optional("DiffID", facts.diffId),
    ...optional("Download", facts.blobBytes === undefined ? undefined : bytesText(facts.blobBytes)),
    ...optional("Created", facts.created),
    ...optional("Comment", facts.comment),
    ...optional("Image ID", image.imageId),
    ...optional("Platform", image.platform),
  ];
}

const MOST_XATTR_BYTES = 64;

function xattrText(value: Uint8Array): string {
  const bytes = Buffer.from(value.subarray(0, MOST_XATTR_BYTES));
  const more = value.length > MOST_XATTR_BYTES ? "…" : "";
  const text = bytes.toString("latin1").replace(/\0$/, "");
  return /^[\x20-\x7e]*$/.test(text) ? JSON.stringify(text) + more : `0x${bytes.toString("hex")}${more}`;
}

function entryDetails(entry: LayerEntry): readonly Detail[] {
  const { device } = entry;
  const typeText = entry.hardLink === true ? "hard link" : entry.type;
  return [
    { label: "Type", value: device === undefined ? typeText : `${typeText} device ${device.major}:${device.minor}` },
    ...optional("Target", entry.target === undefined ? undefined : toDisplayPath(entry.target)),
    {
      label: "Mode",
      value: `${modeText(entry)} (${entry.mode.toString(8).padStart(4, "0")})${entry.implied === true ? ", not in the layer's tar" : ""}`,
    },
    { label: "Owner", value: `${entry.uid}:${entry.gid}` },
    { label: "Modified", value: timeText(entry.mtimeSeconds) },
    ...(entry.opaque === true ? [{ label: "Opaque", value: "hides what lower layers hold in it" }] : []),
    ...Object.entries(entry.xattrs ?? {}).flatMap(([name, value]) => [
      { label: "Xattr", value: `${printable(toDisplayPath(name))} = ${printable(xattrText(value))}` },
    ]),
  ];
}

function timeText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace("T", " ").replace(".000Z", " UTC");
}

function nodeDetails(state: State, node: number): readonly Detail[] {
  const { view, image } = state;
  const entry = view.entryOf(node);
  const layer = view.layerOf(node);
  const bytes = view.sizes[node] ?? 0;
  const own = image.tree.occurrencesOf(node);
  const changed = changeNames(own.find((one) => one.layer === layer)?.changes ?? 0).filter(
    (name) => name !== "undecided",
  );
  return [
    { label: "Path", value: `/${printable(toDisplayPath(image.tree.pathOf(node)))}` },
    { label: "State", value: STATE_WORDS[view.stateOf(node)] ?? "" },
    ...(layer < 0
      ? []
      : [{ label: "From", value: `layer ${layer}${changed.length === 0 ? "" : ` (${changed.join(", ")})`}` }]),
    { label: "Size", value: `${bytesText(bytes)} (${bytes} bytes)` },
    ...(entry === undefined ? [] : entryDetails(entry)),
    ...(own.length > 1 ? [{ label: "In layers", value: own.map((one) => one.layer).join(", ") }] : []),
  ];
}

/** What the details are about: the file under the cursor while the tree has the keyboard, else the chosen layer. */
export function fileDetails(state: State): readonly Detail[] {
  const node = nodeAtCursor(state);
  if (state.focus === "tree" && node !== undefined) return nodeDetails(state, node);
  const { cursor } = state.layers;
  const facts = state.image.layers[cursor];
  return facts === undefined ? [] : layerDetails(facts, state.image.layerBytes[cursor] ?? 0, state.image);
}
