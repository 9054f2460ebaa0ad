/** The networks room on the real kernel, without containers: what a start makes, a stop takes away, and a daemon finds again. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { findLink, inNetworkNamespace, listRoutes, NetlinkSocket, Nftables } from "#host";
import { createNetworkService, DOCKER_DEFAULTS } from "#networks";
import type { NetworkServices, SandboxFacts } from "#networks";
import { removeNetworkLeftovers } from "../e2e/support/networkLeftovers.ts";

const skip = process.getuid?.() === 0 ? false : "root is needed for network namespaces";

interface Event {
  readonly action: string;
  readonly network: string;
}

/** Records that outlive their service, as a database does. */
class Records {
  readonly #documents = new Map<string, string>();

  list(): { readonly id: string; readonly document: string }[] {
    return [...this.#documents].map(([id, document]) => ({ id, document }));
  }

  put({ id, document }: { readonly id: string; readonly document: string }): void {
    this.#documents.set(id, document);
  }

  remove(id: string): boolean {
    return this.#documents.delete(id);
  }
}

class World {
  readonly folder: string;
  readonly events: Event[] = [];
  readonly log: string[] = [];
  readonly #records = { networks: new Records(), sandboxes: new Records() };
  services: NetworkServices;

  constructor(folder: string) {
    this.folder = folder;
    this.services = this.open();
  }

  open(): NetworkServices {
    this.services = createNetworkService({
      ...this.#records,
      dataRoot: this.folder,
      execRoot: join(this.folder, "run"),
      isDefaultRoot: false,
      defaults: DOCKER_DEFAULTS,
      events: ({ Action, Actor }) => void this.events.push({ action: Action, network: Actor.Attributes["name"] ?? "" }),
      log: (level, line) => void this.log.push(`${level}: ${line}`),
    });
    return this.services;
  }

  facts(id: string, mode: string, facts: Partial<SandboxFacts> = {}): SandboxFacts {
    const files = { hostsFile: join(this.folder, `${id}-hosts`), resolvConfFile: join(this.folder, `${id}-resolv`) };
    const nothing = { dns: [], dnsOptions: [], dnsSearch: [], extraHosts: [], links: [] };
    const own = { containerId: id.padEnd(64, "0"), name: id, hostname: id, domainname: "", mode };
    const exposed = Object.keys(facts.bindings ?? {});
    return { ...own, ...nothing, ...files, exposed, bindings: {}, publishAll: false, ...facts };
  }

  async start(facts: SandboxFacts): Promise<string> {
    this.services.sandboxes.declare(facts, {});
    const path = await this.services.sandboxes.open(facts);
    assert.ok(path !== undefined);
    return path;
  }

  get table(): string {
    const bridge = this.services.catalog.inspect("bridge").Options["com.docker.network.bridge.name"] ?? "";
    return `varve_${bridge.replace("varve", "")}`;
  }

  get namespaces(): readonly string[] {
    return readdirSync(join(this.folder, "run/netns"));
  }
}

function hasTable(name: string): boolean {
  using nft = Nftables.open();
  try {
    return nft.list(`list table inet ${name}`).length > 0;
  } catch {
    return false;
  }
}

const hasLink = (name: string): boolean => {
  using socket = NetlinkSocket.open();
  try {
    return findLink(socket, name).index > 0;
  } catch {
    return false;
  }
};

describe("network sandboxes", { skip }, () => {
  const worlds: World[] = [];
  const world = async (): Promise<World> => {
    const folder = await mkdtemp(join(tmpdir(), "varve-networks-"));
    await mkdir(join(folder, "run"));
    const made = new World(folder);
    worlds.push(made);
    return made;
  };
  afterEach(async () => {
    for (const { services, folder } of worlds.splice(0)) {
      await services.sandboxes.reconcile(new Map());
      await services.close();
      await removeNetworkLeftovers(folder);
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("a start makes a namespace with an address, a route and the files of /etc; a stop leaves nothing", async () => {
    const one = await world();
    const facts = one.facts("web", "bridge", { extraHosts: ["db:1.2.3.4"] });
    const path = await one.start(facts);
    const settings = one.services.sandboxes.settings(facts.containerId);
    const address = settings.Networks["bridge"]?.IPAddress ?? "";
    assert.equal(settings.SandboxKey, path);
    const seen = inNetworkNamespace(path, () => {
      using socket = NetlinkSocket.open();
      return {
        addresses: networkInterfaces()["eth0"]?.map((entry) => entry.address),
        routes: listRoutes(socket, 4).length,
      };
    });
    assert.deepEqual(seen, { addresses: [address], routes: 2 });
    assert.ok(readFileSync(facts.hostsFile, "utf8").endsWith(`1.2.3.4\tdb\n${address}\tweb\n`));
    assert.match(readFileSync(facts.resolvConfFile, "utf8"), /^nameserver /m);
    one.services.sandboxes.close(facts.containerId);
    one.services.sandboxes.close(facts.containerId);
    assert.deepEqual(one.namespaces, []);
    assert.deepEqual(one.events, [
      { action: "connect", network: "bridge" },
      { action: "disconnect", network: "bridge" },
    ]);
    assert.equal(one.services.sandboxes.settings(facts.containerId).Networks["bridge"]?.IPAddress, "");
  });

  test("thirty starts and stops leave no namespace, address, port or rule behind", async () => {
    const one = await world();
    await one.services.catalog.create({ Name: "own" });
    const bindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
    for (let count = 0; count < 30; count += 1) {
      const facts = one.facts(`c${count}`, "own", { bindings });
      await one.start(facts);
      assert.match(one.services.sandboxes.settings(facts.containerId).Networks["own"]?.IPAddress ?? "", /\.2$/);
      one.services.sandboxes.forget(facts.containerId);
    }
    assert.deepEqual(one.namespaces, []);
    using nft = Nftables.open();
    assert.doesNotMatch(JSON.stringify(nft.list(`list map inet ${one.table} ports4_at`)), /"elem"/);
    await one.services.catalog.remove("own");
    const { table } = one;
    await one.services.close();
    assert.equal(hasTable(table), false);
    one.open();
  });

  test("a start that fails gives back what it took", async () => {
    const one = await world();
    const taken = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "24617" }] };
    await one.start(one.facts("first", "bridge", { bindings: taken }));
    const second = one.facts("second", "bridge", { bindings: taken });
    await assert.rejects(one.start(second), /port is already allocated/);
    assert.equal(one.namespaces.length, 1);
    one.services.sandboxes.forget(one.facts("first", "bridge").containerId);
    await one.services.sandboxes.open(second);
    assert.match(one.services.sandboxes.settings(second.containerId).Networks["bridge"]?.IPAddress ?? "", /\.2$/);
  });

  test("the daemon comes back: the living keep everything, the dead and the unknown are swept away", async () => {
    const one = await world();
    await one.services.catalog.create({ Name: "own" });
    const bindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
    const [living, dead] = [one.facts("living", "own", { bindings }), one.facts("dead", "own")];
    await one.start(living);
    await one.start(dead);
    const before = one.services.sandboxes.settings(living.containerId);
    writeFileSync(join(one.folder, "run/netns/stranger"), "");
    await one.services.close();
    const { sandboxes, catalog } = one.open();
    await sandboxes.reconcile(new Map([[living.containerId, living]]));
    assert.deepEqual(sandboxes.settings(living.containerId), before);
    assert.equal(one.namespaces.length, 1);
    assert.deepEqual(
      Object.values(catalog.inspect("own").Containers).map(({ Name }) => Name),
      ["living"],
    );
    const next = one.facts("next", "own");
    await one.start(next);
    assert.notEqual(sandboxes.settings(next.containerId).Networks["own"]?.IPAddress, before.Networks["own"]?.IPAddress);
    await assert.rejects(catalog.remove("own"), /has active endpoints/);
    assert.deepEqual(one.log, []);
  });

  test("rules that somebody flushed come back with the next published port", async () => {
    const one = await world();
    const bindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
    await one.start(one.facts("first", "bridge", { bindings }));
    using nft = Nftables.open();
    nft.run(`delete table inet ${one.table}`);
    await one.start(one.facts("second", "bridge", { bindings }));
    const elements = JSON.stringify(nft.list(`list map inet ${one.table} ports4_at`));
    assert.equal(elements.match(/127\.0\.0\.1/g)?.length, 2);
  });

  test("a container that ends while it leaves a network leaves nothing behind", async () => {
    const one = await world();
    await one.services.catalog.create({ Name: "own" });
    const bindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "24618" }] };
    const facts = one.facts("web", "bridge", { bindings });
    await one.start(facts);
    await one.services.sandboxes.connect("own", facts, {});
    const leaving = one.services.sandboxes.disconnect("bridge", facts, false);
    one.services.sandboxes.close(facts.containerId);
    await leaving;
    assert.deepEqual(one.namespaces, []);
    await one.start(one.facts("next", "bridge", { bindings }));
    assert.match(one.services.sandboxes.settings("next".padEnd(64, "0")).Networks["bridge"]?.IPAddress ?? "", /\.2$/);
  });

  test("networks are joined and left while a container runs; its bridge goes with the network", async () => {
    const one = await world();
    const { Id } = await one.services.catalog.create({ Name: "own" });
    const facts = one.facts("web", "bridge");
    const path = await one.start(facts);
    await one.services.sandboxes.connect("own", facts, { Aliases: ["www"] });
    const names = (): readonly string[] => inNetworkNamespace(path, () => Object.keys(networkInterfaces()).sort());
    assert.deepEqual(names(), ["eth0", "eth1", "lo"]);
    assert.match(readFileSync(facts.resolvConfFile, "utf8"), /^nameserver 127\.0\.0\.11$/m);
    assert.equal(readFileSync(facts.hostsFile, "utf8").match(/\tweb$/gm)?.length, 2);
    await one.services.sandboxes.disconnect("bridge", facts, false);
    assert.deepEqual(names(), ["eth1", "lo"]);
    await one.services.sandboxes.disconnect("own", facts, false);
    assert.equal(readFileSync(facts.hostsFile, "utf8").match(/\tweb$/gm), null);
    await one.services.catalog.remove("own");
    for (let attempt = 0; hasLink(`br-${Id.slice(0, 12)}`) && attempt < 50; attempt += 1) await sleep(20);
    assert.equal(hasLink(`br-${Id.slice(0, 12)}`), false);
    assert.equal(existsSync(path), true);
  });
});
