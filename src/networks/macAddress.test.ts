import assert from "node:assert/strict";
import { test } from "node:test";
import { macOf, parseMac } from "./macAddress.ts";

test("parseMac: three ways to write one, in lower case with colons afterwards", () => {
  for (const text of ["02:42:AC:11:00:05", "02-42-ac-11-00-05", "0242.ac11.0005"])
    assert.equal(parseMac(text), "02:42:ac:11:00:05");
  assert.equal(parseMac("02:42:ac:11:00:05:06:07"), "02:42:ac:11:00:05:06:07");
});

for (const text of ["", "zz", "02:42", "02:42:ac:11:00:zz", "0242ac110005", "2:42:ac:11:0:5", "02:42:ac:11:00:05:"]) {
  test(`parseMac: ${JSON.stringify(text)} is none`, () => assert.equal(parseMac(text), undefined));
}

test("parseMac: one kind of separator", () => {
  assert.equal(parseMac("02:42-ac:11:00:05"), undefined);
  assert.equal(parseMac("0242.ac11:0005"), undefined);
});

test("macOf: follows from an IPv4 address", () => {
  assert.equal(macOf("172.17.0.2"), "02:42:ac:11:00:02");
  assert.match(macOf(undefined), /^02:42(?::[0-9a-f]{2}){4}$/);
});
