import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNetworkNamespace, Nftables, removeNetworkNamespace } from "#host";
import { acceptCommands, withdrawAcceptCommands } from "./foreignForward.ts";
import { linkCommands, publishCommands, renderTable, withdrawCommands } from "./ruleset.ts";
import type { BridgeRules, PublishedPort } from "./ruleset.ts";

const needsRoot = { skip: process.getuid?.() === 0 ? false : "root is needed for network namespaces" };

const plain: BridgeRules = { bridge: "br-a", subnets: ["172.18.0.0/16"], internal: false, icc: true, masquerade: true };
const closed: BridgeRules = {
  ...plain,
  bridge: "br-b",
  subnets: ["172.19.0.0/16", "fd00::/64"],
  internal: true,
  icc: false,
};

const port = (hostIp: string, hostPort: number, containerIp = "172.18.0.2"): PublishedPort => ({
  protocol: "tcp",
  hostIp,
  hostPort,
  containerIp,
  containerPort: 80,
});

function within(work: (nft: Nftables) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "varve-nft-"));
  const path = join(folder, "ns");
  try {
    createNetworkNamespace(path, () => {
      using nft = Nftables.open();
      work(nft);
    });
  } finally {
    removeNetworkNamespace(path);
    rmSync(folder, { recursive: true });
  }
}

test("ruleset: ports stand in the map of their family and address", () => {
  const ports = [port("0.0.0.0", 8080), port("127.0.0.1", 8081), port("::", 8080, "fd00::2"), port("0.0.0.0", 8082)];
  assert.equal(
    publishCommands("t", ports),
    [
      "add element inet t ports4 { tcp . 8080 : 172.18.0.2 . 80, tcp . 8082 : 172.18.0.2 . 80 }",
      "add element inet t ports4_at { 127.0.0.1 . tcp . 8081 : 172.18.0.2 . 80 }",
      "add element inet t ports6 { tcp . 8080 : fd00::2 . 80 }",
      "",
    ].join("\n"),
  );
  assert.equal(
    withdrawCommands("t", [port("127.0.0.1", 8081)]),
    "delete element inet t ports4_at { 127.0.0.1 . tcp . 8081 }\n",
  );
  assert.equal(publishCommands("t", []), "");
});

test("ruleset: internal bridges have no way out, and are not masqueraded", () => {
  const text = renderTable("t", [plain, closed], { ports: [], links: [] });
  assert.match(text, /ip saddr 172\.18\.0\.0\/16 oifname != "br-a" masquerade/);
  assert.doesNotMatch(text, /172\.19\.0\.0.*masquerade/);
  assert.match(text, /iifname "br-b" oifname "br-b" drop\n {4}iifname "br-b" drop/);
});

test("ruleset: the kernel takes it, again and again, and ports after it", needsRoot, () => {
  within((nft) => {
    const ports = [port("0.0.0.0", 8080), port("::", 8080, "fd00::2"), port("192.0.2.1", 53)];
    nft.run(renderTable("varve_test", [], { ports: [], links: [] }));
    const links = [{ protocol: "tcp", from: "172.17.0.2", to: "172.17.0.3", port: 80 }] as const;
    nft.run(renderTable("varve_test", [plain, closed], { ports, links }));
    nft.run(renderTable("varve_test", [plain, closed], { ports, links }));
    nft.run(linkCommands("add", "varve_test", links));
    nft.run(linkCommands("delete", "varve_test", links));
    nft.run(publishCommands("varve_test", [port("0.0.0.0", 9000)]));
    nft.run(withdrawCommands("varve_test", [port("0.0.0.0", 9000), ports[0] ?? port("", 0)]));
    assert.throws(() => nft.run(withdrawCommands("varve_test", [port("0.0.0.0", 9000)])));
    const kinds = nft.list("list table inet varve_test").map((entry) => Object.keys(Object(entry))[0]);
    assert.equal(kinds.filter((kind) => kind === "chain").length, 6);
    assert.equal(kinds.filter((kind) => kind === "map").length, 4);
  });
});

const FORWARD = "list chain ip filter FORWARD";

test(
  "foreign forward: rules are added once where the policy drops, and taken away with their bridge",
  needsRoot,
  () => {
    within((nft) => {
      const forward = (policy: string): void =>
        nft.run(`add table ip filter
add chain ip filter DOCKER-USER
add chain ip filter FORWARD { type filter hook forward priority 0; policy ${policy}; }
`);
      forward("accept");
      assert.equal(acceptCommands(nft.list(FORWARD), ["br-a"]), "");
      forward("drop");
      nft.run(
        "add rule ip filter FORWARD jump DOCKER-USER\nadd rule ip filter FORWARD iifname docker0 counter accept\n",
      );
      const commands = acceptCommands(nft.list(FORWARD), ["br-a", "br-b"]);
      nft.run(commands);
      assert.equal(commands.split("\n").length, 5);
      assert.equal(acceptCommands(nft.list(FORWARD), ["br-a", "br-b"]), "");
      const rules = nft
        .list(FORWARD)
        .map((entry) => JSON.stringify(entry))
        .filter((text) => text.startsWith('{"rule"'));
      assert.match(rules[0] ?? "", /DOCKER-USER/);
      assert.match(rules.at(-1) ?? "", /docker0/);
      nft.run(withdrawAcceptCommands(nft.list(FORWARD), "br-a"));
      assert.equal(acceptCommands(nft.list(FORWARD), ["br-b"]), "");
      assert.equal(nft.list(FORWARD).filter((entry) => JSON.stringify(entry).includes("br-a")).length, 0);
    });
  },
);
