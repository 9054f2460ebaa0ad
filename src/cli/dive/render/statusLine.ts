import { NodeState } from "#analysis";
import { toDisplayPath } from "#tar";
import { showsAttributes } from "../explorer/state.ts";
import type { State } from "../explorer/state.ts";
import { span } from "../terminal/line.ts";
import type { Line, Span } from "../terminal/line.ts";
import { printable } from "../terminal/textWidth.ts";

interface Hint {
  readonly key: string;
  readonly text: string;
  /** A switch that is on stands out. */
  readonly isOn?: boolean;
}

/** By state: its key, its name, and a short one for narrow screens. */
const TOGGLES: readonly (readonly [state: number, key: string, name: string, short: string])[] = [
  [NodeState.added, "^A", "Added", "Add"],
  [NodeState.removed, "^R", "Removed", "Rem"],
  [NodeState.modified, "M", "Modified", "Mod"],
  [NodeState.unmodified, "^U", "Unmodified", "Same"],
];
const WIDE_FROM = 120;

function treeHints(state: State): readonly Hint[] {
  const isWide = state.size.columns >= WIDE_FROM;
  return [
    { key: "Space", text: "Fold" },
    ...TOGGLES.map(([value, key, name, short]) => ({
      key,
      text: isWide ? name : short,
      isOn: !state.hidden.has(value),
    })),
    { key: "^B", text: isWide ? "Attributes" : "Attr", isOn: showsAttributes(state) },
    { key: "v", text: "View" },
    { key: "e", text: "Extract" },
  ];
}

function leftHints(state: State): readonly Hint[] {
  if (state.focus !== "layers") return [];
  return [
    { key: "^L", text: "Layer changes", isOn: state.mode === "layer" },
    { key: "^A", text: "Aggregated changes", isOn: state.mode === "aggregated" },
  ];
}

function hintsOf(state: State): readonly Hint[] {
  if (state.overlay?.kind === "help") return [{ key: "Esc", text: "Close" }];
  if (state.overlay?.kind === "pager") {
    return [
      { key: "Esc", text: "Close" },
      ...(state.overlay.pager.bytes === undefined
        ? []
        : [{ key: "x", text: "Hexadecimal", isOn: state.overlay.pager.isHex }]),
      { key: "Left Right", text: "Move sideways" },
    ];
  }
  return [
    { key: "?", text: "Help" },
    { key: "q", text: "Quit" },
    { key: "Tab", text: "Switch" },
    { key: "/", text: "Filter", isOn: state.filter !== undefined },
    ...(state.focus === "tree" ? treeHints(state) : leftHints(state)),
  ];
}

const shownHint = ({ key, text, isOn }: Hint): readonly Span[] => [
  span(key, "key"),
  span(" "),
  isOn === true ? { ...span(text), on: "cursor" } : span(text, isOn === false ? "faint" : "plain"),
  span("  "),
];

/** What is asked, else what was said, else the keys; and where the text cursor stands in it. */
export function statusLine(state: State): { readonly line: Line; readonly before: string | undefined } {
  const { overlay, message } = state;
  if (overlay?.kind === "destination") {
    const name = printable(toDisplayPath(state.image.tree.nameOf(overlay.node)));
    const asked = `Extract ${name} to: `;
    const before = asked + printable(overlay.input.text.slice(0, overlay.input.at));
    return { line: [span(asked, "label"), span(printable(overlay.input.text))], before };
  }
  if (overlay?.kind === "overwrite") {
    const asked = `${printable(overlay.destination)} exists. Overwrite? [y/N] `;
    return { line: [span(asked, "label")], before: asked };
  }
  if (message !== undefined) {
    return { line: [span(printable(message.text), message.isError ? "warning" : "plain")], before: undefined };
  }
  return { line: hintsOf(state).flatMap(shownHint), before: undefined };
}
