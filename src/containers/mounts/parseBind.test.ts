import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as assertProperty, constantFrom, property, string } from "fast-check";
import { parseBind } from "./parseBind.ts";

/** What dockerd 26.1 makes of a bind: type, source or name, destination, writable, propagation as asked. */
const TAKEN: readonly (readonly [string, string])[] = [
  ["/x", "volume - /x rw"],
  ["vv:/x", "volume vv /x rw"],
  ["vv:/x:", "volume vv /x rw"],
  ["vv:/x:ro", "volume vv /x ro"],
  ["vv:/x:z", "volume vv /x rw"],
  ["vv:/x:Z", "volume vv /x rw"],
  ["vv:/x:nocopy", "volume vv /x rw nocopy"],
  ["vv:/x:ro,nocopy", "volume vv /x ro nocopy"],
  ["vv:/x:delegated,ro", "volume vv /x ro"],
  ["vv:/x:consistent", "volume vv /x rw"],
  ["/tmp:/x", "bind /tmp /x rw"],
  ["/tmp:/x:ro,z", "bind /tmp /x ro"],
  ["/tmp:/x:rslave", "bind /tmp /x rw rslave"],
  ["/tmp:/x:ro,rshared", "bind /tmp /x ro rshared"],
  ["/tmp:/x:ro,private,z", "bind /tmp /x ro private"],
  ["/tmp:/x:cached", "bind /tmp /x rw"],
  ["/a b:/x y", "bind /a b /x y rw"],
  ["/tmp/é:/x", "bind /tmp/é /x rw"],
  // Names are the volumes room's to refuse.
  ["./tmp:/x", "volume ./tmp /x rw"],
  ["~/tmp:/x", "volume ~/tmp /x rw"],
];
for (const [text, wanted] of TAKEN) {
  test(`bind: ${text} is taken as dockerd takes it`, () => {
    const { mount } = parseBind(text);
    const parts = [
      mount.Type,
      mount.Source ?? "-",
      mount.Target,
      mount.ReadOnly === true ? "ro" : "rw",
      mount.BindOptions?.Propagation,
      mount.VolumeOptions?.NoCopy === true ? "nocopy" : undefined,
    ];
    assert.equal(parts.filter((part) => part !== undefined).join(" "), wanted);
  });
}

const relative = (path: string): string => `invalid mount path: '${path}' mount path must be absolute`;
const ROOT = "invalid specification: destination can't be '/'";

/** dockerd's words, without `invalid volume specification: '…'` where they begin so; empty: nothing but that. */
const REFUSED: readonly (readonly [string, string])[] = [
  ["", ""],
  [":", ""],
  ["::", ""],
  [":/x", ""],
  ["/tmp:", ""],
  ["/tmp:ro", ""],
  ["/ro:ro", ""],
  ["/tmp:/x:ro:z", ""],
  ["/tmp:/x:ro:z:y", ""],
  ["x", `invalid mount config for type "volume": ${relative("x")}`],
  ["vv:x", `invalid mount config for type "volume": ${relative("x")}`],
  ["vv:..", `invalid mount config for type "volume": ${relative("..")}`],
  [".", `invalid mount config for type "volume": ${relative(".")}`],
  ["ro", `invalid mount config for type "volume": ${relative("ro")}`],
  ["/", `invalid mount config for type "volume": ${ROOT}`],
  ["/.", `invalid mount config for type "volume": ${ROOT}`],
  ["vv:/.", `invalid mount config for type "volume": ${ROOT}`],
  ["/tmp:/", `invalid mount config for type "bind": ${ROOT}`],
  ["/tmp:/..", `invalid mount config for type "bind": ${ROOT}`],
  ["/tmp:x", `invalid mount config for type "bind": ${relative("x")}`],
  ["/tmp::ro", 'invalid mount config for type "bind": field Target must not be empty'],
  ["/tmp:/x:nocopy", 'invalid mount config for type "bind": field VolumeOptions must not be specified'],
  ["vv:/x:rshared", 'invalid mount config for type "volume": field BindOptions must not be specified'],
];
for (const [text, why] of REFUSED) {
  test(`bind: ${text} is refused as dockerd refuses it`, () => {
    const message = `invalid volume specification: '${text}'${why === "" ? "" : `: ${why}`}`;
    assert.throws(() => parseBind(text), { category: "invalid_argument", message });
  });
}

const MODES = [
  "nocopy,nocopy",
  "bad",
  "ro,rw",
  "ro,ro",
  "z,Z",
  "shared,rslave",
  "cached,delegated",
  "consistency=cached",
];
for (const mode of [...MODES, "RO", ",", "ro,", "noexec", "rbind", "ro-force-recursive"]) {
  test(`bind: mode ${mode} is refused as dockerd refuses it`, () => {
    assert.throws(() => parseBind(`/tmp:/x:${mode}`), {
      category: "invalid_argument",
      message: `invalid mode: ${mode}`,
    });
  });
}

test("bind: a volume driver is for volumes only", () => {
  assert.deepEqual(parseBind("vv:/x", "d").mount.VolumeOptions, { DriverConfig: { Name: "d" } });
  assert.equal(parseBind("/tmp:/x", "d").mount.VolumeOptions, undefined);
});

test("bind: any text is taken or refused in one line that names what was wrong", () => {
  const piece = constantFrom("/", "a", ":", ",", "ro", "rw", "z", ".", "..", "rslave", "nocopy", " ", "é");
  assertProperty(
    property(array(piece, { maxLength: 12 }), string({ maxLength: 4 }), (pieces, noise) => {
      const text = pieces.join("") + noise;
      try {
        const { mount, mode } = parseBind(text);
        assert.ok(mount.Target.startsWith("/"), text);
        assert.equal(mount.Type === "bind", mount.Source?.startsWith("/") === true, text);
        const given = [...(mount.Source === undefined ? [] : [mount.Source]), mount.Target];
        assert.ok([given.join(":"), [...given, mode].join(":")].includes(text), text);
      } catch (error) {
        assert.match(String(error), /invalid (volume specification|mode): /);
      }
    }),
  );
});
