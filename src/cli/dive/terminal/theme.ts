/** What a piece of text means; the theme says how that looks. */
export type StyleName =
  | "plain"
  | "faint"
  | "label"
  | "title"
  | "activeTitle"
  | "added"
  | "modified"
  | "removed"
  | "directory"
  | "link"
  | "match"
  | "warning"
  | "key"
  | "barLower"
  | "barUpper";

/** SGR parameters by meaning. */
export type Theme = Readonly<Record<StyleName, string>> & {
  /** Added to what is under the cursor of the pane that has the keyboard. */
  readonly cursor: string;
  /** … of another pane. */
  readonly mark: string;
};

const SHARED = { plain: "", faint: "2", label: "1", title: "2", activeTitle: "1", match: "1;4", key: "1" };

const SIXTEEN: Theme = {
  ...SHARED,
  added: "32",
  modified: "33",
  removed: "31",
  directory: "1",
  link: "36",
  warning: "1;31",
  barLower: "46",
  barUpper: "45",
  cursor: "7",
  mark: "1;4",
};

/** Plain yellow and cyan cannot be read on white. */
const LIGHT_SIXTEEN: Theme = { ...SIXTEEN, modified: "35", link: "34" };

const DARK: Theme = {
  ...SIXTEEN,
  added: "38;5;114",
  modified: "38;5;221",
  removed: "38;5;210",
  link: "38;5;80",
  barLower: "48;5;30",
  barUpper: "48;5;97",
};

const LIGHT: Theme = {
  ...SIXTEEN,
  added: "38;5;28",
  modified: "38;5;130",
  removed: "38;5;124",
  link: "38;5;25",
  barLower: "48;5;116",
  barUpper: "48;5;183",
};

/** Weight and reverse only: no colours. */
const COLORLESS: Theme = {
  ...SHARED,
  added: "1",
  modified: "4",
  removed: "9",
  directory: "",
  link: "",
  warning: "1",
  barLower: "7",
  barUpper: "7",
  cursor: "7",
  mark: "1;4",
};

/** What is known of the terminal. */
export interface TerminalTraits {
  readonly colors: "none" | "16" | "256";
  readonly isLight: boolean;
  /** Lines and marks may be other than ASCII. */
  readonly isUnicode: boolean;
}

export function themeOf({ colors, isLight }: TerminalTraits): Theme {
  if (colors === "none") return COLORLESS;
  if (colors === "16") return isLight ? LIGHT_SIXTEEN : SIXTEEN;
  return isLight ? LIGHT : DARK;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** rxvt's and konsole's word on colours: `15;0`; the last is the background, 7 and 9…15 are light. */
function isLightByVariable(value: string | undefined): boolean {
  const background = Number(value?.split(";").at(-1) ?? Number.NaN);
  return background === 7 || (background >= 9 && background <= 15);
}

/** From NO_COLOR, TERM, COLORTERM, COLORFGBG and the locale (LC_ALL, LC_CTYPE, LANG: the first that is set). */
export function traitsOf(env: Environment): TerminalTraits {
  const term = env["TERM"] ?? "";
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  const many = (env["COLORTERM"] ?? "") !== "" || /256color|direct|kitty|alacritty|ghostty/.test(term);
  return {
    colors: (env["NO_COLOR"] ?? "") === "" ? (many ? "256" : "16") : "none",
    isLight: isLightByVariable(env["COLORFGBG"]),
    isUnicode: /utf-?8/i.test(locale ?? ""),
  };
}
