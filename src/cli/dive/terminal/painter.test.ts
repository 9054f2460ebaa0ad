import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeLine, fitLine, span, textOf } from "./line.ts";
import { Painter } from "./painter.ts";
import { displayWidth, dropColumns, printable, takeColumns, truncate } from "./textWidth.ts";
import { themeOf, traitsOf } from "./theme.ts";

const theme = themeOf({ colors: "16", isLight: false, isUnicode: true });
const frame = (...rows: readonly string[]): Parameters<Painter["paint"]>[0] => ({
  lines: rows.map((row) => [span(row)]),
  cursor: undefined,
});

test("painter: writes only rows that changed, nothing when none did, all when it forgot", () => {
  const painter = new Painter();
  assert.match(painter.paint(frame("a", "b"), theme), /\[1;1Ha.*\[2;1Hb/);
  assert.equal(painter.paint(frame("a", "b"), theme), "");
  const next = painter.paint(frame("a", "c"), theme);
  assert.ok(next.includes("\x1b[2;1Hc") && !next.includes("\x1b[1;1H"));
  painter.forget();
  assert.match(painter.paint(frame("a", "c"), theme), /\[1;1Ha/);
});

test("painter: the text cursor is shown where it stands, else hidden", () => {
  const painter = new Painter();
  const at = { ...frame("a"), cursor: { row: 0, column: 3 } };
  assert.ok(painter.paint(at, theme).includes("\x1b[1;4H\x1b[?25h"));
  assert.equal(painter.paint(at, theme), "");
  const hidden = painter.paint(frame("a"), theme);
  assert.ok(hidden.includes("\x1b[?25l") && !hidden.includes("\x1b[?25h"));
});

test("line: fits to the column, wide characters included", () => {
  const line = [span("ab"), span("日本語", "added"), span("c")];
  for (let width = 0; width < 12; width += 1) assert.equal(displayWidth(textOf(fitLine(line, width, "…"))), width);
  assert.equal(textOf(fitLine(line, 6, "…")), "ab日… ");
  assert.equal(textOf(fitLine([span("abc"), span("d")], 3, "…")), "ab…");
});

test("line: each style begins from none, and none is left over", () => {
  const line = [span("a"), span("b", "added"), { ...span("c", "added"), on: "cursor" as const }, span("d")];
  assert.equal(encodeLine(line, theme), "a\x1b[0;32mb\x1b[0;32;7mc\x1b[md");
  assert.equal(encodeLine([span("b", "added")], theme), "\x1b[0;32mb\x1b[m");
});

test("text: columns of ASCII, accents, wide characters, emoji and marks", () => {
  assert.deepEqual(["abc", "é", "日本", "😀", "e\u0301"].map(displayWidth), [3, 1, 4, 2, 1]);
  assert.equal(takeColumns("日本語", 5), "日本");
  assert.equal(dropColumns("日本語", 3), " 語");
  assert.equal(truncate("abcdef", 4, "…"), "abc…");
});

test("text: what an image holds cannot steer the terminal", () => {
  assert.equal(printable("a\x1b[2Jb\n\t\x07\u009b\u202e"), "a\\x1b[2Jb\\n\\t\\x07\\x9b\\u202e");
  assert.equal(printable("naïve 日本"), "naïve 日本");
});

test("theme: NO_COLOR, COLORFGBG, TERM and the locale are heard", () => {
  assert.deepEqual(traitsOf({ TERM: "xterm-256color", LANG: "de_DE.UTF-8" }), {
    colors: "256",
    isLight: false,
    isUnicode: true,
  });
  assert.equal(traitsOf({ TERM: "xterm", COLORFGBG: "0;15" }).isLight, true);
  assert.equal(traitsOf({ TERM: "xterm", COLORFGBG: "15;default;0" }).isLight, false);
  assert.equal(traitsOf({ TERM: "xterm-256color", NO_COLOR: "1" }).colors, "none");
  assert.equal(traitsOf({ TERM: "xterm", LC_ALL: "C", LANG: "de_DE.UTF-8" }).isUnicode, false);
  const colorless = themeOf({ colors: "none", isLight: false, isUnicode: true });
  assert.ok(Object.values(colorless).every((sgr) => !/(?:^|;)[34]\d/.test(sgr)));
});
