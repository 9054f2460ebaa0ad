import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ContextEntry, ContextReceiver } from "#build";
import { writeTarStream } from "#tar";
import type { TarMemberSource } from "#tar";
import type { ClientCall } from "../grpc/client.ts";
import { bidirectional } from "../grpc/server.ts";
import { clientOf } from "../grpc/testPeers.ts";
import type { Decoded, Encodable } from "../wire/types.ts";
import { toGoMode } from "./goMode.ts";
import { PacketType } from "./packets.ts";
import { receiveTree } from "./receive.ts";
import { sendTree } from "./send.ts";
import { TreeSpool } from "./treeSpool.ts";

type Packet = Decoded<"Packet">;
type Talk = (incoming: AsyncIterator<Packet>, say: (packet: Encodable<"Packet">) => Promise<void>) => Promise<void>;

/** A call to a peer that behaves like this. */
function peer(t: TestContext, talk: Talk): ClientCall<"Packet", "Packet"> {
  const method = bidirectional("Packet", "Packet", (requests, _call, answer) =>
    talk(requests[Symbol.asyncIterator](), answer),
  );
  return clientOf(t, { "/s/Diff": method }).open("/s/Diff", ["Packet", "Packet"]);
}

class Recorder implements ContextReceiver {
  readonly entries: ContextEntry[] = [];
  readonly files = new Map<number, string>();
  readonly ended: number[] = [];
  isWanted: (entry: ContextEntry) => boolean = () => true;

  entry(entry: ContextEntry): boolean {
    this.entries.push(entry);
    return this.isWanted(entry);
  }

  write(index: number, chunk: Uint8Array): void {
    this.files.set(index, (this.files.get(index) ?? "") + Buffer.from(chunk).toString());
  }

  end(index: number): void {
    this.ended.push(index);
  }

  drained(): undefined {
    return undefined;
  }
}

const file = (path: string, more: Partial<Encodable<"Stat">> = {}): Encodable<"Packet"> => ({
  stat: { path, mode: toGoMode(0o100644), ...more },
});
const END: Encodable<"Packet"> = {};
const data = (id: number, text: string): Encodable<"Packet"> => ({
  type: PacketType.DATA,
  id,
  data: Buffer.from(text),
});

/** Sends entries, then each content that is asked for, then finishes as it is asked to. */
function honest(entries: readonly Encodable<"Packet">[], contents: Readonly<Record<number, string>>): Talk {
  return async (incoming, say) => {
    for (const entry of entries) await say(entry);
    await say(END);
    for (let step = await incoming.next(); step.done !== true; step = await incoming.next()) {
      const { type, id } = step.value;
      if (type === PacketType.FINISH) await say({ type: PacketType.FINISH });
      if (type !== PacketType.REQUEST) continue;
      if ((contents[id] ?? "") !== "") await say(data(id, contents[id] ?? ""));
      await say({ type: PacketType.DATA, id });
    }
  };
}

const nothing = (): void => undefined;

test("receive: a tree arrives with what the receiver wants of it", async (t) => {
  const receiver = new Recorder();
  receiver.isWanted = ({ path }) => path !== "known";
  const entries = [
    { stat: { path: "d", mode: toGoMode(0o040755), modTime: -5n } },
    file("d/a", { size: 3n, xattrs: { "user.x": Buffer.from("v") } }),
    { stat: { path: "d/s", mode: 0x0100_0000 } },
    file("empty"),
    file("known", { size: 9n }),
    file("link", { linkname: "d/a" }),
    { stat: { path: "sym", mode: toGoMode(0o120777), linkname: "../out" } },
    file("z", { size: 5n }),
  ];
  const sizes: number[] = [];
  const call = peer(t, honest(entries, { 1: "abc", 7: "12345" }));
  await receiveTree(call, receiver, (bytes) => sizes.push(bytes));
  const paths = ["d", "d/a", "empty", "known", "link", "sym", "z"];
  assert.deepEqual(
    receiver.entries.map(({ path }) => path),
    paths,
  );
  assert.equal(receiver.entries[0]?.modifiedAt, -5n);
  assert.equal(Buffer.from(receiver.entries[1]?.xattrs.get("user.x") ?? []).toString(), "v");
  // Numbers are the receiver's: the socket was not shown to it.
  assert.deepEqual(Object.fromEntries(receiver.files), { 1: "abc", 6: "12345" });
  assert.deepEqual(
    receiver.ended.toSorted((left, right) => left - right),
    [1, 2, 6],
  );
  assert.deepEqual(
    sizes,
    sizes.toSorted((left, right) => left - right),
  );
});

const LIES: Readonly<Record<string, readonly [talk: Talk, message: RegExp]>> = {
  "content of what was not asked for": [
    async (incoming, say) => {
      await say(data(3, "x"));
      await incoming.next();
    },
    /entry 3, which was not asked for/,
  ],
  "content of a directory": [
    async (incoming, say) => {
      await say({ stat: { path: "d", mode: toGoMode(0o040755) } });
      await say(data(0, "x"));
      await incoming.next();
    },
    /entry 0, which was not asked for/,
  ],
  "content after its end": [
    async (incoming, say) => {
      await say(file("a"));
      await incoming.next();
      await say({ type: PacketType.DATA });
      await say(data(0, "more"));
      await incoming.next();
    },
    /entry 0, which was not asked for/,
  ],
  "an entry after the last": [
    async (incoming, say) => {
      await say(END);
      await say(file("a"));
      await incoming.next();
    },
    /an entry after the last one/,
  ],
  "an end before its time": [
    async (incoming, say) => {
      await say(file("a"));
      await say({ type: PacketType.FINISH });
      await incoming.next();
    },
    /ended before everything was sent/,
  ],
  "a packet of no known type": [
    async (incoming, say) => {
      await say({ type: 9 });
      await incoming.next();
    },
    /packet of type 9/,
  ],
  "an error of its own": [
    async (incoming, say) => {
      await say({ type: PacketType.ERROR, data: Buffer.from("disk on fire") });
      await incoming.next();
    },
    /error from sender: disk on fire/,
  ],
  "nothing more": [
    async (_incoming, say) => {
      await say(file("a"));
    },
    /broke off/,
  ],
};

for (const [what, [talk, message]] of Object.entries(LIES))
  test(`receive: a sender of ${what} is refused`, async (t) => {
    await assert.rejects(receiveTree(peer(t, talk), new Recorder(), nothing), message);
  });

test("receive: what the receiver throws ends the transfer", async (t) => {
  const receiver = new Recorder();
  receiver.isWanted = (): boolean => {
    throw new Error("no such path here");
  };
  await assert.rejects(receiveTree(peer(t, honest([file("../x")], {})), receiver, nothing), /no such path here/);
});

async function spooled(
  t: TestContext,
  members: readonly TarMemberSource[],
): Promise<Awaited<ReturnType<TreeSpool["fill"]>>> {
  const spool = await TreeSpool.create();
  t.after(() => spool[Symbol.asyncDispose]());
  return spool.fill(writeTarStream(members));
}

const member = (path: string, text: string): TarMemberSource => ({
  header: { path, type: "file", mode: 0o640, size: text.length, mtimeSeconds: -3, mtimeNanoseconds: 5 },
  body: [Buffer.from(text)],
});

test("spool: entries come in fsutil's order, whatever the tar's", async (t) => {
  const entries = await spooled(t, [
    { header: { path: "./", type: "directory" } },
    member("b", "b"),
    member("a-b", "x"),
    { header: { path: "a/", type: "directory", mode: 0o755 } },
    member("a/ä", "y"),
  ]);
  assert.deepEqual(
    entries.map(({ entry }) => entry.path),
    ["a", "a/ä", "a-b", "b"],
  );
  const [, inner] = entries;
  assert.equal(inner?.entry.modifiedAt, -2_999_999_995n);
  assert.equal(inner?.entry.mode, 0o100640);
});

test("spool: the first name of a file has its bytes, later ones are links with its metadata", async (t) => {
  const entries = await spooled(t, [
    member("m", "text"),
    { header: { path: "a", type: "hardlink", linkPath: "m" } },
    { header: { path: "z", type: "hardlink", linkPath: "m" } },
  ]);
  assert.deepEqual(
    entries.map(({ entry }) => [entry.path, entry.linkname, entry.size, entry.mode]),
    [
      ["a", "", 4, 0o100640],
      ["m", "a", 4, 0o100640],
      ["z", "a", 4, 0o100640],
    ],
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of entries[0]?.read() ?? []) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), "text");
  await assert.rejects(spooled(t, [{ header: { path: "a", type: "hardlink", linkPath: "gone" } }]), /not in the tree/);
});

test("send: a receiver gets the entries, and the bytes that it asks for", async (t) => {
  const large = "0123456789".repeat(10_000);
  const entries = await spooled(t, [member("a", large), member("b", "not wanted"), member("c", "")]);
  const got = new Map<number, string>();
  const names: (string | undefined)[] = [];
  const call = peer(t, async (incoming, say) => {
    for (let step = await incoming.next(); step.done !== true; step = await incoming.next()) {
      const { type, id, stat, data: bytes } = step.value;
      if (type === PacketType.STAT) {
        names.push(stat?.path);
        if (stat === undefined) for (const wanted of [2, 0]) await say({ type: PacketType.REQUEST, id: wanted });
      } else if (type === PacketType.DATA) {
        got.set(id, (got.get(id) ?? "") + Buffer.from(bytes).toString());
        if (bytes.length === 0 && id === 0) await say({ type: PacketType.FINISH });
      } else if (type === PacketType.FINISH) return;
    }
  });
  await sendTree(call, entries);
  assert.deepEqual(names, ["a", "b", "c", undefined]);
  assert.equal(got.get(0), large);
  assert.equal(got.get(2), "");
  assert.equal(got.has(1), false);
});

test("send: a receiver that asks for what there is not, fails, or leaves is an error", async (t) => {
  const entries = await spooled(t, [member("a", "x")]);
  const asks = (packet: Encodable<"Packet">): ClientCall<"Packet", "Packet"> =>
    peer(t, async (incoming, say) => {
      await say(packet);
      while ((await incoming.next()).done !== true);
    });
  await assert.rejects(sendTree(asks({ type: PacketType.REQUEST, id: 5 }), entries), /asks for entry 5/);
  await assert.rejects(
    sendTree(asks({ type: PacketType.ERROR, data: Buffer.from("full") }), entries),
    /receiver: full/,
  );
  await assert.rejects(
    sendTree(
      peer(t, () => Promise.resolve()),
      entries,
    ),
    /ended too early/,
  );
});
