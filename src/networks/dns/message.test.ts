import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "../ipam/address.ts";
import type { DnsAnswer } from "./message.ts";
import { codeOfReply, decodeQuery, encodeReply, reverseAddress, withId } from "./message.ts";
import { queryMessage, readReply } from "./testQueries.ts";

function address(text: string): DnsAnswer {
  const parsed = parseAddress(text);
  assert.ok(parsed);
  return { kind: "address", address: parsed };
}

test("dns message: a query is read, its name lower case", () => {
  const query = decodeQuery(queryMessage("Web.Example", 28, { id: 0x1234, udpBytes: 1232 }));
  assert.ok(query);
  assert.deepEqual(
    [query.id, query.name, query.type, query.class, query.udpBytes, query.opcode, query.recursionDesired],
    [0x1234, "web.example", 28, 1, 1232, 0, true],
  );
  assert.equal(decodeQuery(queryMessage("a", 1))?.udpBytes, 512);
  assert.equal(decodeQuery(queryMessage("a", 1, { udpBytes: 100 }))?.udpBytes, 512);
  assert.equal(decodeQuery(queryMessage("", 2))?.name, "");
});

test("dns message: a dot inside a label is no separator", () => {
  const message = queryMessage("axb", 1);
  message.write(".", 14);
  assert.equal(decodeQuery(message)?.name, "a\\.b");
});

test("dns message: answers, several questions and names that point are no queries", () => {
  const good = queryMessage("web", 1);
  const answer = Buffer.from(good);
  answer[2] = 0x81;
  assert.equal(decodeQuery(answer), undefined);
  const two = Buffer.from(good);
  two[5] = 2;
  assert.equal(decodeQuery(two), undefined);
  for (const pointer of [0, 4, 12, 13, 500]) {
    const pointing = Buffer.concat([
      good.subarray(0, 12),
      Buffer.from([0xc0 | (pointer >> 8), pointer & 0xff, 0, 1, 0, 1]),
    ]);
    assert.equal(decodeQuery(pointing), undefined, String(pointer));
  }
  assert.equal(decodeQuery(queryMessage(Array.from({ length: 130 }, () => "a").join("."), 1)), undefined);
});

test("dns message: cut anywhere, a query is refused or the same", () => {
  const whole = queryMessage("web.backend", 1, { udpBytes: 4096 });
  for (let length = 0; length < whole.length - 11; length += 1)
    assert.equal(decodeQuery(whole.subarray(0, length)), undefined);
  for (let length = whole.length - 11; length < whole.length; length += 1)
    assert.equal(decodeQuery(whole.subarray(0, length))?.name, "web.backend");
});

test("dns message: foreign bytes never throw", () => {
  const start = queryMessage("web.backend", 1, { udpBytes: 4096 });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 6 }),
      (noise, changes) => {
        decodeQuery(noise);
        decodeQuery(Buffer.concat([start.subarray(0, 12), noise]));
        codeOfReply(noise, 7, start.subarray(12));
        const changed = Buffer.from(start);
        for (const [index, value] of changes) changed[index] = value;
        decodeQuery(changed);
      },
    ),
    { numRuns: 3000 },
  );
});

test("dns message: a reply repeats the question as it was spelt, and says what was asked", () => {
  const query = decodeQuery(queryMessage("WEB", 1, { id: 99 }));
  assert.ok(query);
  const reply = readReply(
    encodeReply(query, {
      code: 0,
      answers: [address("10.0.0.2"), address("10.0.0.3")],
      ttlSeconds: 600,
      maxBytes: 512,
    }),
  );
  assert.deepEqual(reply, {
    id: 99,
    code: 0,
    truncated: false,
    recursionAvailable: true,
    answers: ["10.0.0.2", "10.0.0.3"],
    ttls: [600, 600],
    question: "WEB.",
  });
  const v6 = encodeReply(query, { code: 0, answers: [address("fd00::2")], maxBytes: 512 });
  assert.deepEqual(readReply(v6).answers, ["fd000000000000000000000000000002"]);
  const name = encodeReply(query, { code: 0, answers: [{ kind: "name", name: "web.backend" }], maxBytes: 512 });
  assert.deepEqual(readReply(name).answers, ["web.backend."]);
});

test("dns message: answers that do not fit are left out, and the reply says so", () => {
  const query = decodeQuery(queryMessage("web", 1));
  assert.ok(query);
  const answers = Array.from({ length: 100 }, (_, index) => address(`10.0.0.${index}`));
  const cut = encodeReply(query, { code: 0, answers, maxBytes: 512 });
  assert.ok(cut.length <= 512 && cut.length > 490);
  assert.deepEqual([readReply(cut).truncated, readReply(cut).answers.length], [true, 30]);
  const whole = readReply(encodeReply(query, { code: 0, answers, maxBytes: 65535 }));
  assert.deepEqual([whole.truncated, whole.answers.length], [false, 100]);
});

test("dns message: a reply counts only for its own id and question", () => {
  const query = decodeQuery(queryMessage("web", 1, { id: 5 }));
  const other = decodeQuery(queryMessage("app", 1, { id: 5 }));
  assert.ok(query && other);
  const reply = encodeReply(query, { code: 3, maxBytes: 512 });
  assert.equal(codeOfReply(reply, 5, query.question), 3);
  assert.equal(codeOfReply(reply, 6, query.question), undefined);
  assert.equal(codeOfReply(reply, 5, other.question), undefined);
  assert.equal(codeOfReply(queryMessage("web", 1, { id: 5 }), 5, query.question), undefined);
  assert.equal(codeOfReply(withId(reply, 6), 6, query.question), 3);
});

test("dns message: names of addresses", () => {
  const read = (name: string): string | undefined => {
    const found = reverseAddress(name);
    return found === undefined ? undefined : formatAddress(found);
  };
  assert.equal(read("4.3.2.1.in-addr.arpa"), "1.2.3.4");
  assert.equal(read(`2.${"0.".repeat(29)}d.f.ip6.arpa`), "fd00::2");
  for (const name of ["3.2.1.in-addr.arpa", "256.3.2.1.in-addr.arpa", "4.3.2.1.ip6.arpa", "in-addr.arpa", "web"])
    assert.equal(read(name), undefined, name);
});
