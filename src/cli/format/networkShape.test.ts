import assert from "node:assert/strict";
import { test } from "node:test";
import { renderInspect } from "./inspectOutput.ts";
import { NETWORK_INSPECT } from "./networkShape.ts";
import { goTimeOf } from "./shape.ts";

const raw = JSON.stringify({
  Name: "backend",
  Id: "0123",
  Created: "2026-01-02T03:04:05.678Z",
  IPAM: { Driver: "default", Options: null, Config: [{ Subnet: "10.0.0.0/24" }] },
  Containers: { c1: { Name: "web", IPv4Address: "10.0.0.2/24" } },
});
const rendered = (wish: string): string => renderInspect([{ raw, shape: NETWORK_INSPECT }], wish).text;

test("network inspect: a time prints as Go's, and stays RFC 3339 in JSON", () => {
  assert.equal(rendered("{{.Created}}"), "2026-01-02 03:04:05.678 +0000 UTC\n");
  assert.match(rendered("{{json .}}"), /"Created":"2026-01-02T03:04:05.678Z"/);
});

test("network inspect: a time has no zeros at its end", () => {
  assert.equal(goTimeOf("2026-01-02T03:04:05.240Z"), "2026-01-02 03:04:05.24 +0000 UTC");
  assert.equal(goTimeOf("2026-01-02T03:04:10.000Z"), "2026-01-02 03:04:10 +0000 UTC");
  assert.equal(goTimeOf("2026-01-02T03:04:10Z"), "2026-01-02 03:04:10 +0000 UTC");
});

test("network inspect: pools and members are structs, absent fields are empty", () => {
  assert.equal(rendered("{{range .IPAM.Config}}{{.Subnet}}|{{.Gateway}}|{{end}}"), "10.0.0.0/24||\n");
  assert.equal(rendered("{{range .Containers}}{{.Name}} {{.IPv4Address}}{{.MacAddress}}{{end}}"), "web 10.0.0.2/24\n");
  assert.equal(rendered("{{.ID}} {{.EnableIPv4}}"), "0123 false\n");
  assert.equal(rendered("{{.Id}}"), "0123\n");
});
