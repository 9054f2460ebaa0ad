import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  addAddress,
  addRoute,
  bridgePort,
  deleteLink,
  findLink,
  linkUp,
  listLinks,
  listRoutes,
  newBridge,
  newVeth,
} from "./links.ts";
import { attribute, encodeRequest, NetlinkSocket, parseAttributes } from "./netlink.ts";
import {
  bindSocket,
  createNetworkNamespace,
  inNetworkNamespace,
  removeNetworkNamespace,
  setNetworkSysctl,
} from "./networkNamespaces.ts";
import { Nftables } from "./nftables.ts";
import { isErrno } from "./syscallError.ts";

const needsRoot = { skip: process.getuid?.() === 0 ? false : "root is needed for network namespaces" };

/** A namespace of the test's own: nothing here touches the host's interfaces. */
function within<T>(work: (socket: NetlinkSocket, fd: number) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "varve-netns-"));
  const path = join(folder, "ns");
  try {
    return createNetworkNamespace(path, (fd) => {
      using socket = NetlinkSocket.open();
      return work(socket, fd);
    });
  } finally {
    removeNetworkNamespace(path);
    rmSync(folder, { recursive: true });
  }
}

test("netlink: attributes are padded, texts end with NUL, lists nest", () => {
  assert.equal(attribute(3, "eth0").toString("hex"), `09000300${Buffer.from("eth0\0").toString("hex")}000000`);
  assert.equal(attribute(1, [attribute(2, Buffer.of(7))]).toString("hex"), "0c0001000500020007000000");
  const parsed = parseAttributes(Buffer.concat([attribute(1, Buffer.of(1, 2, 3)), attribute(0x8002, "x")]));
  assert.deepEqual([...parsed.keys()], [1, 2]);
  assert.deepEqual(parsed.get(1), Buffer.of(1, 2, 3));
});

test("netlink: a request has its length, type, flags and sequence before it", () => {
  const request = { type: 16, flags: 0x600, body: Buffer.of(1, 2), about: "test" };
  assert.equal(encodeRequest(request, 7).toString("hex"), "1200000010000506070000000000000001020000");
});

test("links: requests of rtnetlink(7), byte for byte", () => {
  assert.equal(
    addRoute({ index: 2, gateway: Buffer.of(10, 0, 0, 1) }).body.toString("hex"),
    "02000000fe03000100000000080005000a0000010800040002000000",
  );
  const { body } = addAddress({ index: 2, address: Buffer.of(10, 0, 0, 2), prefixLength: 20 });
  assert.equal(body.toString("hex"), "0214000002000000080002000a000002080001000a000002080004000a000fff");
  assert.equal(
    bridgePort(5, { hairpin: true, isolated: false }).body.subarray(16).toString("hex"),
    "0c000c800500040001000000",
  );
});

test("links: a bridge with a veth pair, addresses and routes", needsRoot, () => {
  within((socket, fd) => {
    socket.request(newBridge("br0", { mac: "02:42:0a:00:00:01", mtu: 1400 }));
    const bridge = findLink(socket, "br0");
    assert.deepEqual([bridge.kind, bridge.mtu, bridge.up], ["bridge", 1400, false]);
    const peer = { name: "eth0", mac: "02:42:0a:00:00:02", namespaceFd: fd };
    socket.request(newVeth({ name: "veth1", bridge: bridge.index, mtu: 1400, peer }));
    const [port, end] = [findLink(socket, "veth1"), findLink(socket, "eth0")];
    assert.deepEqual([port.master, port.up, end.up, end.mtu], [bridge.index, true, false, 1400]);
    socket.request(
      bridgePort(port.index, { hairpin: true, isolated: true }),
      linkUp(bridge.index),
      addAddress({ index: end.index, address: Buffer.of(10, 0, 0, 2), prefixLength: 24 }),
      linkUp(end.index),
      addRoute({ index: end.index, gateway: Buffer.of(10, 0, 0, 1) }),
    );
    assert.equal(readFileSync("/proc/thread-self/net/dev", "utf8").includes("eth0"), true);
    assert.deepEqual(
      listRoutes(socket, 4).map(({ address, prefixLength }) => `${address.join(".")}/${prefixLength}`),
      ["0.0.0.0/0", "10.0.0.0/24"],
    );
    assert.deepEqual(
      listLinks(socket)
        .map(({ name }) => name)
        .sort(),
      ["br0", "eth0", "lo", "veth1"],
    );
  });
});

test("netlink: the first of several requests that failed is told, the others are done", needsRoot, () => {
  within((socket) => {
    assert.throws(
      () => socket.request(deleteLink("nosuch"), newBridge("br0"), deleteLink("neither")),
      (error) => isErrno(error, "ENODEV") && String(error).includes("nosuch"),
    );
    assert.equal(findLink(socket, "br0").kind, "bridge");
    assert.throws(
      () => findLink(socket, "nosuch"),
      (error) => isErrno(error, "ENODEV"),
    );
  });
});

test("namespaces: the thread is at home again, also after a failure", needsRoot, () => {
  const before = Object.keys(networkInterfaces()).sort();
  assert.throws(() => within(() => assert.fail("in there")), /in there/);
  within(() => assert.deepEqual(networkInterfaces(), {}));
  assert.deepEqual(Object.keys(networkInterfaces()).sort(), before);
  assert.throws(
    () => inNetworkNamespace("/nosuch/namespace", () => 1),
    (error) => isErrno(error, "ENOENT"),
  );
});

test("namespaces: sockets and settings belong to them", needsRoot, () => {
  within((socket) => {
    socket.request(linkUp(1));
    const [udp, tcp] = [bindSocket("udp", Buffer.of(127, 0, 0, 11), 0), bindSocket("tcp", Buffer.of(127, 0, 0, 11), 0)];
    assert.ok(udp.port > 0 && tcp.port > 0);
    assert.throws(
      () => bindSocket("udp", Buffer.of(127, 0, 0, 11), udp.port),
      (error) => isErrno(error, "EADDRINUSE"),
    );
    assert.equal(setNetworkSysctl("ipv4/ip_unprivileged_port_start", "0"), true);
    assert.equal(setNetworkSysctl("ipv4/nosuch", "0"), false);
  });
});

test("nftables: a transaction is done whole or not at all", needsRoot, () => {
  within(() => {
    using nft = Nftables.open();
    nft.run("table ip t {\n chain c {\n  counter accept\n }\n}\n");
    const rules = (): number =>
      nft.list("list chain ip t c").filter((entry) => JSON.stringify(entry).startsWith('{"rule"')).length;
    assert.equal(rules(), 1);
    assert.throws(() => nft.run("add rule ip t c drop\nadd rule ip t nosuch drop\n"), { category: "internal" });
    assert.equal(rules(), 1);
  });
});
