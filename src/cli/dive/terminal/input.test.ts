import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { InputDecoder } from "./input.ts";
import type { InputEvent } from "./input.ts";

const decode = (...chunks: readonly string[]): readonly InputEvent[] => {
  const decoder = new InputDecoder();
  return chunks.flatMap((chunk) => decoder.feed(Buffer.from(chunk, "utf8")));
};
const keys = (...chunks: readonly string[]): readonly string[] =>
  decode(...chunks).map((event) => (event.kind === "key" ? event.key : event.kind));

test("input: characters, controls and sequences are keys", () => {
  assert.deepEqual(keys("aé日😀 "), ["a", "é", "日", "😀", "space"]);
  assert.deepEqual(keys("\x01\x0c\x00\x1f\t\r\x7f"), [
    "ctrl+a",
    "ctrl+l",
    "ctrl+space",
    "ctrl+/",
    "tab",
    "enter",
    "backspace",
  ]);
  assert.deepEqual(keys("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~\x1b[Z"), [
    "up",
    "down",
    "pageUp",
    "pageDown",
    "home",
    "end",
    "shift+tab",
  ]);
  assert.deepEqual(keys("\x1b[1;5C\x1bx"), ["ctrl+right", "alt+x"]);
});

test("input: keys of the kitty protocol and of xterm tell Ctrl+M from Enter", () => {
  assert.deepEqual(keys("\x1b[109;5u\x1b[27;5;109~\r"), ["ctrl+m", "ctrl+m", "enter"]);
  assert.deepEqual(keys("\x1b[27u\x1b[32;5u\x1b[97;2u\x1b[97;5u\x1b[99;5:1u"), [
    "escape",
    "ctrl+space",
    "A",
    "ctrl+a",
    "ctrl+c",
  ]);
});

test("input: a sequence may come in pieces, and a character too", () => {
  assert.deepEqual(keys("\x1b", "[", "1;", "5A"), ["ctrl+up"]);
  const decoder = new InputDecoder();
  const [first, second] = [Buffer.from("é").subarray(0, 1), Buffer.from("é").subarray(1)];
  assert.deepEqual([...decoder.feed(first), ...decoder.feed(second)], [{ kind: "key", key: "é", text: "é" }]);
});

test("input: a lone escape is the key when nothing follows", () => {
  const decoder = new InputDecoder();
  assert.deepEqual(decoder.feed(Buffer.from("\x1b")), []);
  assert.equal(decoder.isWaiting, true);
  assert.deepEqual(decoder.flush(), [{ kind: "key", key: "escape", text: undefined }]);
  assert.equal(decoder.isWaiting, false);
  assert.deepEqual(keys("\x1b\x1b[A"), ["escape", "up"]);
});

test("input: mouse presses and the wheel; releases, moves and other buttons are nothing", () => {
  assert.deepEqual(decode("\x1b[<0;3;5M\x1b[<0;3;5m\x1b[<2;1;1M\x1b[<35;1;1M\x1b[<64;200;1M\x1b[<65;1;100M"), [
    { kind: "mouse", action: "press", column: 2, row: 4 },
    { kind: "mouse", action: "wheelUp", column: 199, row: 0 },
    { kind: "mouse", action: "wheelDown", column: 0, row: 99 },
  ]);
});

test("input: pasted text is one event, whatever it holds and however it is cut", () => {
  const text = "\x1b[200~a\x1b[A\nb\x1b[201~c";
  for (let cut = 1; cut < text.length; cut += 1) {
    assert.deepEqual(decode(text.slice(0, cut), text.slice(cut)), [
      { kind: "paste", text: "a\x1b[A\nb" },
      { kind: "key", key: "c", text: "c" },
    ]);
  }
});

test("input: the terminal's answer about its background", () => {
  assert.deepEqual(decode("\x1b]11;rgb:ffff/ffff/ffff\x1b\\"), [{ kind: "background", lightness: 1 }]);
  assert.deepEqual(decode("\x1b]11;rgb:00/00/00\x07"), [{ kind: "background", lightness: 0 }]);
});

test("input: any bytes, in any pieces, give the same keys and never throw", () => {
  const piece = fc.constantFrom("\x1b", "[", "O", "]", "<", "1", ";", "5", "A", "M", "~", "u", "a", "\x07", "\\", "é");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(40), { maxLength: 5 }), (pieces, cuts) => {
      const text = pieces.join("");
      const sorted = [0, ...cuts.filter((cut) => cut < text.length).toSorted((a, b) => a - b), text.length];
      const whole = new InputDecoder();
      const parted = new InputDecoder();
      const once = [...whole.feed(Buffer.from(text)), ...whole.flush()];
      const many = sorted.slice(1).flatMap((end, index) => parted.feed(Buffer.from(text.slice(sorted[index], end))));
      assert.deepEqual([...many, ...parted.flush()], once);
    }),
  );
});
