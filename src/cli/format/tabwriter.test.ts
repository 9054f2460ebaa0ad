import assert from "node:assert/strict";
import { test } from "node:test";
import { rowStruct } from "../template/value.ts";
import { listFormat, renderList } from "./table.ts";
import { alignColumns } from "./tabwriter.ts";

test("tabwriter: cells are padded to the widest of the column, at least ten, and the last cell is not", () => {
  assert.deepEqual(alignColumns(["A\tBB\tC", "a-long-cell\tb\tccc"]), [
    "A             BB        C",
    "a-long-cell   b         ccc",
  ]);
});

test("tabwriter: an empty last cell leaves the padding of the one before", () => {
  assert.deepEqual(alignColumns(["SIZE\tCOMMENT", "0B\t"]), ["SIZE      COMMENT", "0B        "]);
});

test("tabwriter: a column ends at a line that lacks it", () => {
  assert.deepEqual(alignColumns(["aaaaaaaaaaaa\tx", "no tab", "b\ty"]), ["aaaaaaaaaaaa   x", "no tab", "b         y"]);
});

test("tabwriter: width counts characters, not bytes", () => {
  assert.deepEqual(alignColumns(["äöüäöüäöü\tx", "a\ty"]), ["äöüäöüäöü   x", "a           y"]);
});

const rows = [
  rowStruct("*formatter.testContext", { ID: () => "1", Name: () => "one" }),
  rowStruct("*formatter.testContext", { ID: () => "2", Name: () => "two" }),
];
const TITLES = { ID: "IMAGE ID", Name: "NAME" };

test("table: has a header worked out from the template", () => {
  const text = renderList(listFormat('table {{upper .Name}}\\t{{.ID}} {{.Label "com.x.my-key"}}', ""), TITLES, []);
  assert.equal(text, "NAME      IMAGE ID my key\n");
  assert.equal(
    renderList(listFormat("", "{{.ID}}\t{{.Name}}"), TITLES, rows),
    "IMAGE ID   NAME\n1          one\n2          two\n",
  );
});

test("table: json is one object a line, other templates have no header", () => {
  assert.equal(renderList(listFormat("json", ""), TITLES, rows), '{"ID":"1","Name":"one"}\n{"ID":"2","Name":"two"}\n');
  assert.equal(renderList(listFormat("{{.ID}}\\t{{.Name}}", ""), TITLES, rows), "1\tone\n2\ttwo\n");
});
