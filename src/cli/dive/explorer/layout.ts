/** A part of the screen, in cells from 0. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export type Pane = "layers" | "details" | "image" | "tree";

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Which parts there are; a pane without an area is not on screen. */
export interface Layout {
  readonly panes: Readonly<Partial<Record<Pane, Area>>>;
  /** Column of the line between both halves. */
  readonly divider: number | undefined;
  readonly filterRow: number | undefined;
  readonly statusRow: number;
}

/** What the layout depends on. */
export interface LayoutWishes {
  readonly focus: Pane;
  readonly layerCount: number;
  readonly hasFilter: boolean;
  /** The tree has columns of attributes. */
  readonly attributes: boolean;
}

export const LEAST_SIZE: ScreenSize = { columns: 40, rows: 10 };
const TWO_COLUMNS_FROM = 70;
const LEFT_SHARE = 0.45;
const MOST_LEFT = 90;
/** Room that names of files need beside their attributes. */
const TREE_WITH_ATTRIBUTES = 53;
const LEAST_LEFT = 26;
/** A title, and a line of column names. */
const LIST_HEAD = 2;
const DETAIL_ROWS = 12;

function leftWidth(columns: number, attributes: boolean): number {
  const share = Math.min(Math.round(columns * LEFT_SHARE), MOST_LEFT);
  return attributes ? Math.max(Math.min(share, columns - 1 - TREE_WITH_ATTRIBUTES), LEAST_LEFT) : share;
}

function stack(width: number, height: number, layerCount: number): Layout["panes"] {
  const layers = Math.max(Math.min(layerCount + LIST_HEAD, Math.floor(height * 0.4)), 4);
  const details = Math.min(DETAIL_ROWS, Math.floor((height - layers) / 2));
  return {
    layers: { left: 0, top: 0, width, height: layers },
    details: { left: 0, top: layers, width, height: details },
    image: { left: 0, top: layers + details, width, height: height - layers - details },
  };
}

/** Two columns, or on a narrow screen the half that has the keyboard. */
export function layOut({ columns, rows }: ScreenSize, wishes: LayoutWishes): Layout {
  const statusRow = rows - 1;
  const filterRow = wishes.hasFilter ? rows - 2 : undefined;
  const height = filterRow ?? statusRow;
  const whole = { left: 0, top: 0, width: columns, height };
  if (columns < TWO_COLUMNS_FROM) {
    const panes = wishes.focus === "tree" ? { tree: whole } : stack(columns, height, wishes.layerCount);
    return { panes, divider: undefined, filterRow, statusRow };
  }
  const left = leftWidth(columns, wishes.attributes);
  const tree = { left: left + 1, top: 0, width: columns - left - 1, height };
  return { panes: { ...stack(left, height, wishes.layerCount), tree }, divider: left, filterRow, statusRow };
}

/** Rows of a list within a pane, below its title and column names. */
export const listHeight = (area: Area | undefined): number => Math.max((area?.height ?? 0) - LIST_HEAD, 1);

/** The pane at a place, and which of its rows that is: negative in its head. */
export function paneAt(
  layout: Layout,
  column: number,
  row: number,
): { readonly pane: Pane; readonly row: number } | undefined {
  for (const pane of ["layers", "details", "image", "tree"] as const) {
    const area = layout.panes[pane];
    if (area === undefined) continue;
    const { left, top, width, height } = area;
    if (column >= left && column < left + width && row >= top && row < top + height) {
      return { pane, row: row - top - LIST_HEAD };
    }
  }
  return undefined;
}
