/** Marks and lines of the screen, for terminals with Unicode and without. */
export interface Glyphs {
  readonly more: string;
  readonly rule: string;
  readonly activeRule: string;
  readonly divider: string;
  readonly branch: string;
  readonly lastBranch: string;
  readonly through: string;
  readonly open: string;
  readonly closed: string;
  readonly leaf: string;
  readonly link: string;
  readonly hardLink: string;
  readonly newLine: string;
  readonly lowerBar: string;
  readonly upperBar: string;
  readonly dot: string;
}

const UNICODE: Glyphs = {
  more: "…",
  rule: "─",
  activeRule: "━",
  divider: "│",
  branch: "├",
  lastBranch: "└",
  through: "│   ",
  open: "── ",
  closed: "─⊕ ",
  leaf: "── ",
  link: " → ",
  hardLink: " ⇒ ",
  newLine: "↵",
  lowerBar: "│",
  upperBar: "┃",
  dot: " · ",
};

const ASCII: Glyphs = {
  more: ">",
  rule: "-",
  activeRule: "=",
  divider: "|",
  branch: "|",
  lastBranch: "`",
  through: "|   ",
  open: "-- ",
  closed: "-+ ",
  leaf: "-- ",
  link: " -> ",
  hardLink: " => ",
  newLine: "\\n",
  lowerBar: "|",
  upperBar: "#",
  dot: " - ",
};

export const glyphsOf = (isUnicode: boolean): Glyphs => (isUnicode ? UNICODE : ASCII);
