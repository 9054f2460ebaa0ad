import assert from "node:assert/strict";
import { test } from "node:test";
import { IMAGE_INSPECT } from "./imageShape.ts";
import { indentJson, renderInspect } from "./inspectOutput.ts";

const RAW =
  '{"Id":"sha256:1","RepoTags":["a:1"],"Size":12,"Config":{"Env":["A=1"],"Labels":{"b":"<2>","a":"1"}},"Extra":{"X":1}}\n';
const object = { raw: RAW, shape: IMAGE_INSPECT };

test("inspect: JSON is indented by four, and nothing in strings or numbers changes", () => {
  assert.equal(
    indentJson('{"a": [1.0,{}, [ ],"x , y: {\\"z\\"}"],"b":123456789012345678901}'),
    `{
    "a": [
        1.0,
        {},
        [],
        "x , y: {\\"z\\"}"
    ],
    "b": 123456789012345678901
}`,
  );
});

test("inspect: several objects are one list, none is []", () => {
  assert.equal(renderInspect([], "").text, "[]\n");
  assert.equal(renderInspect([{ raw: "{}" }, { raw: "{}" }], "").text, "[\n    {},\n    {}\n]\n");
  assert.equal(renderInspect([{ raw: "{}\n" }], "json").text, "[{}]\n");
});

test("inspect: fields that the JSON lacks read as Go's zero values", () => {
  assert.equal(renderInspect([object], "{{.Config.User}}|{{.Parent}}|{{.RootFS.Layers}}|{{.Size}}").text, "||[]|12\n");
});

test("inspect: a key of the JSON that is no Go field still answers", () => {
  assert.equal(renderInspect([object], "{{.Id}} {{.Extra.X}}").text, "sha256:1 1\n");
  assert.equal(renderInspect([object], "{{.ID}}").text, "sha256:1\n");
});

test("inspect: json of a part follows the struct, maps are sorted, HTML is not escaped", () => {
  assert.equal(renderInspect([object], "{{json .Config}}").text, '{"Env":["A=1"],"Labels":{"a":"1","b":"<2>"}}\n');
});

test("inspect: a failing template leaves an empty line and Go's error", () => {
  assert.deepEqual(renderInspect([object], "{{.Nope}}"), {
    text: "\n",
    failure: 'template parsing error: template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope"',
  });
});
