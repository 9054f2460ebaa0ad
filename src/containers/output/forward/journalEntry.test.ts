import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeJournalEntry, journalFieldName } from "./journalEntry.ts";

test("journal fields: names are made what journald takes", () => {
  for (const [name, field] of [
    ["com.example.a-b", "COM_EXAMPLE_A_B"],
    ["__x1", "X1"],
    ["é", ""],
  ] as const)
    assert.equal(journalFieldName(name), field);
});

test("journal entries: a value with newlines goes by its length, a field without a name is left out", () => {
  const entry = encodeJournalEntry([
    ["MESSAGE", Buffer.from([0xff, 0x61])],
    ["", "x"],
    ["A", "1\n2"],
  ]);
  assert.equal(entry.toString("latin1"), "MESSAGE=\xffa\nA\n\x03\0\0\0\0\0\0\x001\n2\n");
});
