import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTemplate } from "./template.ts";
import { GoStruct, parseGoJson, rowStruct } from "./value.ts";
import type { GoValue } from "./value.ts";

const DATA: GoValue = parseGoJson(
  `{"ID":"be5976b068a8","Tag":"deb","N":3,"Big":9007199254740993,"F":1.5,"List":["a","b","c"],"Empty":[],
    "Map":{"b":"2","a":"1"},"Nested":{"X":{"Y":"deep"}},"Null":null,"True":true,"Html":"<a>&"}`,
);

// Every expectation was seen with Go 1.24's text/template through docker CLI 28.2, or follows from its source.
const GOLDEN: readonly (readonly [template: string, expected: string])[] = [
  ["plain", "plain"],
  ["{{.ID}}:{{.Tag}}", "be5976b068a8:deb"],
  [
    "{{.}}",
    "map[Big:9007199254740993 Empty:[] F:1.5 Html:<a>& ID:be5976b068a8 List:[a b c] Map:map[a:1 b:2] N:3 Nested:map[X:map[Y:deep]] Null:<nil> Tag:deb True:true]",
  ],
  ["{{.Nested.X.Y}}", "deep"],
  ["{{(.Nested).X.Y}}", "deep"],
  ["{{.Missing}}", "<no value>"],
  ["{{.Missing.Deeper}}", "<no value>"],
  ["{{.Null}}", "<nil>"],
  ["{{json .List}} {{json .Html}} {{json .Map}}", '["a","b","c"] "<a>&" {"a":"1","b":"2"}'],
  ["{{range .List}}[{{.}}]{{end}}", "[a][b][c]"],
  ["{{range $i, $v := .List}}{{$i}}={{$v}};{{end}}", "0=a;1=b;2=c;"],
  ["{{range $k, $v := .Map}}{{$k}}{{$v}}{{end}}", "a1b2"],
  ['{{range $v := .List}}{{if eq $v "b"}}{{continue}}{{end}}{{$v}}{{end}}', "ac"],
  ['{{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"],
  ["{{range .Empty}}x{{else}}none{{end}}", "none"],
  ["{{range 3}}{{.}}{{end}}", "012"],
  ["{{if .Empty}}yes{{else if .Tag}}tag{{else}}no{{end}}", "tag"],
  ["{{with .Nested}}{{.X.Y}}{{end}}", "deep"],
  ["{{with $x := .Tag}}{{$x}}{{$.ID}}{{end}}", "debbe5976b068a8"],
  ["{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"],
  ["a {{- .Tag -}} b", "adebb"],
  ["{{- /* note */ -}} x", "x"],
  ["{{1.5}} {{1}} {{\"q\\t\"}} {{true}} {{'a'}} {{0x10}} {{1e3}}", "1.5 1 q\t true 97 16 1000"],
  ['{{print 1 2 "a" "b" 3}}|{{println 1}}', "1 2ab3|1\n"],
  [
    '{{printf "%d|%5s|%-5s|%q|%v|%05d|%x|%.2f|%t|%%" .N .Tag .Tag .Tag .List .N 255 1.5 true}}',
    '3|  deb|deb  |"deb"|[a b c]|00003|ff|1.50|true|%',
  ],
  ['{{printf "%d" .ID}} {{printf "%s"}} {{printf "x" 1}}', "%!d(string=be5976b068a8) %!s(MISSING) x%!(EXTRA int=1)"],
  ['{{.Tag | printf "%-10s|"}}', "deb       |"],
  ["{{len .Tag}} {{len .List}} {{len .Map}}", "3 3 2"],
  ['{{index .List 1}} {{index .Map "a"}} {{index .Nested "X" "Y"}} {{index .ID 1}}', "b 1 deep 101"],
  ["{{slice .ID 0 4}} {{slice .List 1 2}}", "be59 [b]"],
  [
    '{{eq .ID "a"}} {{lt 1 2}} {{and 1 0}} {{or 0 "x"}} {{not 1}} {{ne 1 2}} {{le 2 2}} {{ge 1 2}} {{gt 2 1}}',
    "false true 0 x false true true false true",
  ],
  ["{{eq 1 2 3 1}}", "true"],
  ['{{html "<a>"}} {{js "a\'b"}} {{urlquery "a b&"}}', "&lt;a&gt; a\\'b a+b%26"],
  [
    '{{json .ID | upper}} {{truncate .ID 4}} {{pad .Tag 2 3}}| {{title .Tag}} {{lower "A"}}',
    '"BE5976B068A8" be59   deb   | Deb a',
  ],
  ['{{split .ID "6"}} {{join (split .ID "6") "-"}}', "[be597 b0 8a8] be597-b0-8a8"],
  ['{{title "12-slim kaniko\'s"}}', "12-Slim Kaniko's"],
  ["{{.ID | }}", "be5976b068a8"],
  ["{{.Big}}", "9007199254740993"],
];

for (const [source, expected] of GOLDEN) {
  test(`template: gives what Go gives for ${source}`, () => {
    assert.equal(parseTemplate(source).execute(DATA), expected);
  });
}

const FAILURES: readonly (readonly [template: string, message: string])[] = [
  ["{{.ID", "template: :1: unclosed action"],
  ["{{.ID}", "template: :1: bad character U+007D '}'"],
  ["{{foo}}", 'template: :1: function "foo" not defined'],
  ["{{if}}", "template: :1: missing value for if"],
  ["{{end}}", "template: :1: unexpected {{end}}"],
  ["{{if .ID}}", "template: :1: unexpected EOF"],
  ['{{"abc}}', "template: :1: unterminated quoted string"],
  ["a\n{{$x}}", 'template: :2: undefined variable "$x"'],
  ["{{nil}}", 'template: :1:2: executing "" at <nil>: nil is not a command'],
  ["{{break}}", "template: :1: {{break}} outside {{range}}"],
  ["{{(1}}", "template: :1: unclosed left paren"],
  ["{{range .ID}}{{end}}", 'template: :1:8: executing "" at <.ID>: range can\'t iterate over be5976b068a8'],
  ["{{.ID.Foo}}", 'template: :1:5: executing "" at <.ID.Foo>: can\'t evaluate field Foo in type string'],
  ["{{upper 1}}", 'template: :1:8: executing "" at <1>: expected string; found 1'],
  ["{{upper}}", 'template: :1:2: executing "" at <upper>: wrong number of args for upper: want 1 got 0'],
  ["{{ 3 | upper}}", 'template: :1:7: executing "" at <upper>: wrong type for value; expected string; got int'],
  ["{{index .List 9}}", 'template: :1:2: executing "" at <index .List 9>: error calling index: index out of range: 9'],
  [
    "{{$x := 1}}{{$x}} {{eq 1 true}}",
    'template: :1:20: executing "" at <eq 1 true>: error calling eq: incompatible types for comparison',
  ],
  ["{{.ID 1}}", 'template: :1:2: executing "" at <.ID>: ID is not a method but has arguments'],
];

for (const [source, message] of FAILURES) {
  test(`template: fails in Go's words for ${JSON.stringify(source)}`, () => {
    assert.throws(() => parseTemplate(source).execute(DATA), { message: `template parsing error: ${message}` });
  });
}

test("template: a missing key fails when missingkey=error is asked for", () => {
  assert.throws(() => parseTemplate("{{.Config.Nope}}").execute({ Config: {} }, "error"), {
    message: 'template parsing error: template: :1:9: executing "" at <.Config.Nope>: map has no entry for key "Nope"',
  });
});

test("template: a struct prints in field order, and an unknown field names the type", () => {
  const row = new GoStruct("*formatter.imageContext", [
    { name: "B", get: () => "b" },
    { name: "A", json: "a", omitEmpty: true, get: () => "" },
  ]);
  assert.equal(parseTemplate("{{.}} {{.B}} {{json .}}").execute(row), '{b } b {"B":"b"}');
  assert.throws(
    () => parseTemplate("{{.Foo}}").execute(row),
    /can't evaluate field Foo in type \*formatter.imageContext/,
  );
});

test("template: a row's JSON is sorted and HTML-escaped", () => {
  const row = rowStruct("*formatter.imageContext", { Tag: () => "<none>", ID: () => "1&" });
  assert.equal(parseTemplate("{{json .}}").execute(row), '{"ID":"1\\u0026","Tag":"\\u003cnone\\u003e"}');
});

test("template: titles pass through functions when the header row is made", () => {
  const header = parseTemplate('{{upper .ID}}\t{{join .Tag ","}} {{.Tag | json}} {{truncate .ID 2}} {{.Nope}}');
  assert.equal(header.executeHeader({ ID: "IMAGE ID", Tag: "TAG" }), "IMAGE ID\tTAG TAG IMAGE ID <no value>");
});
