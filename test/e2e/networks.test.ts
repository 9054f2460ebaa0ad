/** Networks through the real docker command: their lives, names, addresses, published ports; nothing is left behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { must, run } from "./support/process.ts";
import type { Ran } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const IMAGE = "box:1";
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly IPAM: { readonly Config: readonly Readonly<Record<string, unknown>>[] };
  readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
  readonly [key: string]: unknown;
}

let daemon: TestDaemon;
const docker = (...args: string[]): Promise<Ran> => daemon.docker(args);
const must_ = (...args: string[]): Promise<string> => daemon.mustDocker(args);

before(async () => {
  daemon = await startDaemon();
  await daemon.mustDocker(["import", "-", IMAGE], { input: await busyboxRootfs() });
});
after(async () => {
  for (const id of (await must_("ps", "-aq")).split("\n").filter((line) => line !== "")) await docker("rm", "-f", id);
  await daemon[Symbol.asyncDispose]();
});

async function inspect(network: string): Promise<Inspected> {
  const [found] = JSON.parse(await must_("network", "inspect", network)) as Inspected[];
  assert.ok(found);
  return found;
}

/** Starts a container that does nothing unless told otherwise. */
const start = (name: string, flags: readonly string[], ...command: string[]): Promise<string> =>
  must_("run", "-d", "--name", name, ...flags, IMAGE, ...(command.length === 0 ? ["sleep", "600"] : command));

const address = async (container: string, network: string): Promise<string> =>
  (await must_("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container)).trim();

/** What a fresh container on the network sees. */
const inside = (network: string, script: string, ...flags: string[]): Promise<Ran> =>
  docker("run", "--rm", "--network", network, ...flags, IMAGE, "busybox", "sh", "-c", script);

/** Addresses that busybox's nslookup finds, without that of the server itself. */
async function lookup(network: string, name: string, type = "a"): Promise<readonly string[]> {
  const { stdout } = await inside(network, `busybox nslookup -type=${type} ${name} | sed 1,3d`);
  return [...stdout.matchAll(/^Address: (\S+)$/gm)].map(([, found = ""]) => found).sort();
}

/** Everything the peer says until it ends. Tries again while a server comes up. */
async function readFrom(host: string, port: number): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const text = await new Promise<string>((resolve) => {
      const socket = connect({ host, port });
      let seen = "";
      socket.on("data", (chunk: Buffer) => (seen += chunk.toString()));
      socket.on("error", () => resolve(""));
      socket.on("close", () => resolve(seen));
    });
    if (text !== "") return text;
    await sleep(50);
  }
  return "";
}

const portOf = async (container: string, port: string): Promise<number> =>
  Number((await must_("port", container, port)).split("\n")[0]?.split(":").at(-1));

const SAY_HELLO = ["busybox", "nc", "-ll", "-p", "80", "-e", "echo", "hello"];
const ECHO_DATAGRAMS = `
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(53, "0.0.0.0");`;

describe("networks: their lives", () => {
  test("a network is made, shown, listed and removed", async () => {
    const id = (
      await must_(
        "network",
        "create",
        "--subnet",
        "10.201.1.0/24",
        "--gateway",
        "10.201.1.254",
        "--label",
        "a=b",
        "life",
      )
    ).trim();
    assert.match(id, /^[0-9a-f]{64}$/);
    const { Created, Id, ...rest } = await inspect("life");
    assert.match(String(Created), /^\d{4}-\d\d-\d\dT/);
    assert.equal(Id, id);
    assert.deepEqual(rest, {
      Name: "life",
      Scope: "local",
      Driver: "bridge",
      EnableIPv4: true,
      EnableIPv6: false,
      IPAM: { Driver: "default", Options: {}, Config: [{ Subnet: "10.201.1.0/24", Gateway: "10.201.1.254" }] },
      Internal: false,
      Attachable: false,
      Ingress: false,
      ConfigFrom: { Network: "" },
      ConfigOnly: false,
      Containers: {},
      Options: {},
      Labels: { a: "b" },
    });
    assert.equal(await must_("network", "ls", "-q", "--no-trunc", "-f", "label=a=b"), `${id}\n`);
    assert.equal(await must_("network", "rm", id.slice(0, 8)), `${id.slice(0, 8)}\n`);
    const gone = await docker("network", "inspect", "life");
    assert.deepEqual([gone.code, gone.stderr], [1, "Error response from daemon: network life not found\n"]);
  });

  test("the predefined ones are there and stay", async () => {
    const lines = (await must_("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")).trim().split("\n");
    assert.deepEqual(
      lines.filter((line) => /^(bridge|host|none) /.test(line)),
      ["bridge bridge local", "host host local", "none null local"],
    );
    assert.match(
      (await docker("network", "rm", "bridge")).stderr,
      /bridge is a pre-defined network and cannot be removed/,
    );
    assert.match(
      (await docker("network", "create", "bridge")).stderr,
      /operation is not permitted on predefined bridge network/,
    );
  });

  test("names and subnets are nobody else's", async () => {
    await must_("network", "create", "--subnet", "10.201.2.0/24", "taken");
    const refused = async (message: string, ...args: string[]): Promise<void> => {
      const { code, stderr } = await docker("network", "create", ...args);
      assert.deepEqual([code, stderr], [1, `Error response from daemon: ${message}\n`]);
    };
    await refused("network with name taken already exists", "taken");
    await refused("Pool overlaps with other one on this address space", "--subnet", "10.201.2.0/25", "other");
    await refused(
      "invalid network config:\ninvalid subnet 10.1.2.3/24: it should be 10.1.2.0/24",
      "--subnet",
      "10.1.2.3/24",
      "other",
    );
    await refused('plugin "nope" not found', "-d", "nope", "other");
    await must_("network", "rm", "taken");
  });

  test("subnets that nobody names are apart from each other and from the host's", async () => {
    const names = ["auto1", "auto2", "auto3"];
    for (const name of names) await must_("network", "create", name);
    const subnets = await Promise.all(
      names.map(async (name) => String((await inspect(name)).IPAM.Config[0]?.["Subnet"])),
    );
    assert.equal(new Set(subnets).size, 3);
    for (const subnet of subnets) {
      const routes = (await must("ip", ["-4", "route", "show", "exact", subnet])).trim().split("\n");
      assert.equal(routes.length, 1, `${subnet} is our own bridge's only`);
    }
    await must_("network", "rm", ...names);
  });

  test("a link gives its container one more name, until `rm --link`", async () => {
    await start("db", []);
    await start("web", ["--link", "db:store"]);
    const names = (): Promise<string> => must_("ps", "--no-trunc", "-f", "name=^/db$", "--format", "{{.Names}}");
    assert.equal(await names(), "db,web/store\n");
    assert.equal(await must_("inspect", "-f", "{{.Name}}", "web/store"), "/db\n");
    const refused = await docker("rm", "--link", "web");
    assert.match(refused.stderr, /Conflict, cannot remove the default link name of the container/);
    assert.equal(await must_("rm", "--link", "/web/store"), "/web/store\n");
    assert.equal(await names(), "db\n");
    assert.equal(await must_("inspect", "-f", "{{json .HostConfig.Links}}", "web"), "null\n");
    assert.doesNotMatch(await must_("exec", "web", "cat", "/etc/hosts"), /store/);
    await must_("rm", "-f", "db", "web");
  });

  test("a link leads to its container's address of now", async () => {
    await start("db", []);
    await start("web", ["--link", "db:store"]);
    await must_("stop", "-t", "0", "db");
    await start("other", []);
    await must_("start", "db");
    const address = (await must_("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "db")).trim();
    const hosts = (await must_("exec", "web", "cat", "/etc/hosts")).split("\n");
    assert.deepEqual(
      hosts.filter((line) => line.includes("store")).map((line) => line.split("\t")[0]),
      [address],
    );
    await must_("rm", "-f", "db", "web", "other");
  });

  test("filters and prune choose by use and label", async () => {
    await must_("network", "create", "--label", "sort=x", "used");
    await must_("network", "create", "--label", "sort=x", "unused");
    await must_("network", "create", "other-label");
    await start("user", ["--network", "used"]);
    const names = async (...filters: string[]): Promise<readonly string[]> =>
      (await must_("network", "ls", "--format", "{{.Name}}", ...filters.flatMap((filter) => ["-f", filter])))
        .trim()
        .split("\n");
    assert.deepEqual(await names("dangling=true", "label=sort"), ["unused"]);
    assert.deepEqual(await names("dangling=false", "label=sort"), ["used"]);
    assert.deepEqual(await names("type=builtin"), ["bridge", "host", "none"]);
    assert.deepEqual(await names("name=used", "driver=bridge"), ["unused", "used"]);
    const inUse = await docker("network", "rm", "used");
    assert.match(inUse.stderr, /network used (?:id|has) .*has active endpoints|has active endpoints/);
    assert.equal(await must_("network", "prune", "-f", "--filter", "label=sort=x"), "Deleted Networks:\nunused\n\n");
    await must_("rm", "-f", "user");
    await must_("network", "rm", "used", "other-label");
  });

  test("events tell of networks and of who joins them", async () => {
    const since = String(Math.floor(Date.now() / 1000) - 1);
    await must_("network", "create", "told");
    await start("teller", ["--network", "none"]);
    await must_("rm", "-f", "teller");
    await start("teller", ["--network", "told"]);
    await must_("network", "disconnect", "told", "teller");
    await must_("rm", "-f", "teller");
    await must_("network", "rm", "told");
    const lines = await must_(
      "events",
      "--since",
      since,
      "--until",
      // Docker's client asks in whole seconds.
      String(Math.floor(Date.now() / 1000) + 1),
      "--filter",
      "type=network",
      "--filter",
      "network=told",
      "--format",
      "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}",
    );
    assert.deepEqual(lines.trim().split("\n"), [
      "create told bridge",
      "connect told bridge",
      "disconnect told bridge",
      "destroy told bridge",
    ]);
  });
});

describe("networks: names", () => {
  before(async () => {
    await must_("network", "create", "names");
    await start("one", ["--network", "names", "--network-alias", "shared", "--hostname", "host-one"]);
    await start("two", ["--network", "names", "--network-alias", "shared", "--network-alias", "second"]);
  });
  after(async () => {
    await docker("rm", "-f", "one", "two");
    await docker("network", "rm", "names");
  });

  test("a container is found by its name, aliases, short id and network, in any spelling", async () => {
    const [one, two] = [await address("one", "names"), await address("two", "names")];
    const id = (await must_("inspect", "-f", "{{.Id}}", "one")).slice(0, 12);
    for (const name of ["one", "ONE", id, "one.names"]) assert.deepEqual(await lookup("names", name), [one], name);
    assert.deepEqual(await lookup("names", "second"), [two]);
    assert.deepEqual(await lookup("names", "shared"), [one, two].sort());
    assert.deepEqual(await lookup("names", "one", "aaaa"), []);
  });

  test("an address has its name, and the resolver stands in /etc/resolv.conf", async () => {
    const one = await address("one", "names");
    const reverse = await inside(
      "names",
      `busybox nslookup -type=ptr ${one.split(".").reverse().join(".")}.in-addr.arpa`,
    );
    assert.match(reverse.stdout, /name = one\.names/);
    const { stdout } = await inside("names", "cat /etc/resolv.conf");
    assert.match(stdout, /^nameserver 127\.0\.0\.11$/m);
    assert.match(stdout, /^options .*ndots:0/m);
  });

  test("what is not on the network has no name there", async () => {
    await must_("network", "create", "elsewhere");
    assert.deepEqual(await lookup("elsewhere", "one"), []);
    await must_("network", "rm", "elsewhere");
  });

  test("own name and addresses given by hand are in /etc/hosts", async () => {
    const { stdout } = await inside("names", "cat /etc/hosts", "--hostname", "self", "--add-host", "far:10.9.9.9");
    assert.match(stdout, /^10\.9\.9\.9\tfar$/m);
    assert.match(stdout, /^\d+\.\d+\.\d+\.\d+\tself$/m);
  });

  test("renamed, a container answers to its new name", async () => {
    await start("before", ["--network", "names"]);
    await must_("rename", "before", "after");
    assert.equal((await lookup("names", "after")).length, 1);
    assert.deepEqual(await lookup("names", "before"), []);
    await must_("rm", "-f", "after");
  });
});

describe("networks: joining and leaving", () => {
  test("a running container joins with address and alias, is reached, and leaves", async () => {
    await must_("network", "create", "--subnet", "10.201.5.0/24", "late");
    await start("joiner", ["--network", "bridge"], ...SAY_HELLO);
    await must_("network", "connect", "--ip", "10.201.5.77", "--alias", "friend", "late", "joiner");
    const members = Object.values((await inspect("late")).Containers);
    assert.deepEqual(
      members.map(({ Name, IPv4Address }) => [Name, IPv4Address]),
      [["joiner", "10.201.5.77/24"]],
    );
    assert.deepEqual(await lookup("late", "friend"), ["10.201.5.77"]);
    const { stdout } = await inside("late", "busybox nc friend 80 </dev/null");
    assert.equal(stdout, "hello\n");
    await must_("network", "disconnect", "late", "joiner");
    assert.deepEqual((await inspect("late")).Containers, {});
    assert.deepEqual(await lookup("late", "friend"), []);
    const again = await docker("network", "disconnect", "late", "joiner");
    assert.match(again.stderr, /is not connected to (?:the )?network late/);
    await must_("rm", "-f", "joiner");
    await must_("network", "rm", "late");
  });

  test("a container that does not run joins when it starts", async () => {
    await must_("network", "create", "later");
    await must_("create", "--name", "sleeper", "--network", "none", IMAGE, "sleep", "600");
    await must_("network", "disconnect", "none", "sleeper");
    await must_("network", "connect", "later", "sleeper");
    await must_("start", "sleeper");
    assert.match(await address("sleeper", "later"), ADDRESS);
    await must_("rm", "-f", "sleeper");
    await must_("network", "rm", "later");
  });

  test("an address that somebody has, or that no subnet has, is refused", async () => {
    await must_("network", "create", "--subnet", "10.201.6.0/24", "strict");
    await start("first", ["--network", "strict", "--ip", "10.201.6.5"]);
    const taken = await docker("run", "--rm", "--network", "strict", "--ip", "10.201.6.5", IMAGE, "true");
    assert.deepEqual(
      [taken.code, taken.stderr.split("\n")[0]],
      [125, "docker: Error response from daemon: Address already in use"],
    );
    const outside = await docker("run", "--rm", "--network", "strict", "--ip", "10.9.9.9", IMAGE, "true");
    assert.match(outside.stderr, /no configured subnet or ip-range contain the IP address 10\.9\.9\.9/);
    await must_("rm", "-f", "first");
    await must_("network", "rm", "strict");
  });

  test("an internal network leads nowhere", async () => {
    await must_("network", "create", "--internal", "inner");
    const { stdout } = await inside("inner", "busybox ip route");
    assert.doesNotMatch(stdout, /default/);
    await must_("network", "rm", "inner");
  });

  test("none has a loopback only, and container: is another's namespace", async () => {
    const none = await inside("none", "busybox ip -o link | busybox wc -l");
    assert.equal(none.stdout.trim(), "1");
    await start("owner", [], ...SAY_HELLO);
    const { stdout } = await inside("container:owner", "busybox nc 127.0.0.1 80 </dev/null");
    assert.equal(stdout, "hello\n");
    await must_("rm", "-f", "owner");
  });
});

describe("networks: published ports", () => {
  test("a port is reached at every address of the host, and by other containers", async () => {
    await start("web", ["-p", "80"], ...SAY_HELLO);
    const port = await portOf("web", "80");
    for (const host of ["127.0.0.1", "::1"]) assert.equal(await readFrom(host, port), "hello\n", host);
    const gateway = (await must_("inspect", "-f", "{{.NetworkSettings.Networks.bridge.Gateway}}", "web")).trim();
    assert.equal(await readFrom(gateway, port), "hello\n");
    assert.equal((await inside("bridge", `busybox nc ${gateway} ${port} </dev/null`)).stdout, "hello\n");
    const listed = await must_("ps", "--filter", "name=web", "--format", "{{.Ports}}");
    assert.equal(listed.trim(), `0.0.0.0:${port}->80/tcp, [::]:${port}->80/tcp`);
    await must_("rm", "-f", "web");
  });

  test("a port bound to one address is on that one only", async () => {
    await start("local", ["-p", "127.0.0.1::80"], ...SAY_HELLO);
    const port = await portOf("local", "80");
    assert.equal(await readFrom("127.0.0.1", port), "hello\n");
    const gateway = (await must_("inspect", "-f", "{{.NetworkSettings.Networks.bridge.Gateway}}", "local")).trim();
    const refused = connect({ host: gateway, port });
    await assert.rejects(once(refused, "connect"));
    await must_("rm", "-f", "local");
  });

  test("datagrams go both ways", async () => {
    await start("echo", ["-p", "127.0.0.1::53/udp"]);
    const pid = (await must_("inspect", "-f", "{{.State.Pid}}", "echo")).trim();
    const server = spawn("nsenter", ["-t", pid, "-n", process.execPath, "-e", ECHO_DATAGRAMS], { stdio: "ignore" });
    const port = await portOf("echo", "53/udp");
    const socket = createSocket("udp4");
    const answered = once(socket, "message");
    const asking = setInterval(() => socket.send("ping", port, "127.0.0.1"), 50);
    const [reply] = (await answered) as [Buffer];
    clearInterval(asking);
    socket.close();
    assert.equal(reply.toString(), "ping");
    server.kill();
    await must_("rm", "-f", "echo");
  });

  test("datagrams of a flow that goes on reach the port's next container", async () => {
    const gateway = (await must_("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge")).trim();
    const socket = createSocket("udp4");
    const ask = async (port: number): Promise<string> => {
      const answered = once(socket, "message");
      const asking = setInterval(() => socket.send("ping", port, gateway), 50);
      const [reply] = (await answered) as [Buffer];
      clearInterval(asking);
      return reply.toString();
    };
    const serve = async (name: string, port: number): Promise<() => void> => {
      await start(name, ["-p", `${gateway}:${port}:53/udp`]);
      const pid = (await must_("inspect", "-f", "{{.State.Pid}}", name)).trim();
      const script = ECHO_DATAGRAMS.replace("bytes, from.port", `"${name}", from.port`);
      const server = spawn("nsenter", ["-t", pid, "-n", process.execPath, "-e", script], { stdio: "ignore" });
      return () => server.kill();
    };
    try {
      const end = await serve("first", 28396);
      assert.equal(await ask(28396), "first");
      // Its address is not that of the next one.
      await start("between", []);
      end();
      await must_("rm", "-f", "first");
      await start("inherits", []);
      const endSecond = await serve("second", 28396);
      assert.equal(await ask(28396), "second");
      endSecond();
      await must_("rm", "-f", "second", "between", "inherits");
    } finally {
      socket.close();
    }
  });

  test("a port that another container or a host process has is refused, and is free after a stop", async () => {
    await start("holder", ["-p", "127.0.0.1::80"]);
    const port = await portOf("holder", "80");
    const publish = (at: number): Promise<Ran> => docker("run", "--rm", "-p", `127.0.0.1:${at}:80`, IMAGE, "true");
    const taken = await publish(port);
    assert.equal(taken.code, 125);
    assert.match(
      taken.stderr,
      new RegExp(
        `^docker: Error response from daemon: driver failed programming external connectivity on endpoint \\S+ \\([0-9a-f]{64}\\): Bind for 127\\.0\\.0\\.1:${port} failed: port is already allocated\\n`,
      ),
    );
    await must_("stop", "-t", "0", "holder");
    assert.equal((await publish(port)).code, 0);
    const foreign = createServer().listen(0, "127.0.0.1");
    await once(foreign, "listening");
    const { port: theirs } = foreign.address() as AddressInfo;
    const refused = await publish(theirs);
    foreign.close();
    assert.match(refused.stderr, new RegExp(`listen tcp4 127\\.0\\.0\\.1:${theirs}: bind: address already in use`));
    await must_("rm", "-f", "holder");
  });

  test("every exposed port is published when asked for all", async () => {
    await start("all", ["-P", "--expose", "80", "--expose", "81/udp"]);
    const lines = (await must_("port", "all")).trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.replace(/:\d+$/, "")),
      ["80/tcp -> 0.0.0.0", "80/tcp -> [::]", "81/udp -> 0.0.0.0", "81/udp -> [::]"],
    );
    await must_("rm", "-f", "all");
  });
});

describe("networks: both command lines say the same", () => {
  test("lists, details and errors", async () => {
    await must_("network", "create", "--label", "x=y", "same");
    for (const args of [
      ["network", "ls"],
      ["network", "ls", "--format", "json"],
      ["network", "inspect", "same"],
      ["network", "inspect", "-f", "{{.ID}} {{.Created}} {{range .IPAM.Config}}{{.Gateway}}{{end}}", "same"],
      ["network", "inspect", "nosuch"],
      ["network", "rm", "nosuch"],
      ["network", "connect", "same", "nosuch"],
      ["network", "disconnect", "same", "nosuch"],
      ["network", "create", "same"],
      ["network", "prune", "-f", "--filter", "label=nosuch"],
      ["port", "nosuch"],
    ]) {
      const [theirs, ours] = [await daemon.docker(args), await daemon.varve(args)];
      assert.deepEqual(ours, theirs, args.join(" "));
    }
    await must_("network", "rm", "same");
  });
});

describe("networks: the daemon comes and goes", () => {
  test("killed and back, names, ports and addresses are as they were", async () => {
    await must_("network", "create", "lasting");
    await start("server", ["--network", "lasting", "--network-alias", "served", "-p", "127.0.0.1::80"], ...SAY_HELLO);
    const [port, own] = [await portOf("server", "80"), await address("server", "lasting")];
    assert.equal(await readFrom("127.0.0.1", port), "hello\n");
    await daemon.kill();
    assert.equal(await readFrom("127.0.0.1", port), "hello\n");
    await daemon.start();
    assert.equal(await readFrom("127.0.0.1", port), "hello\n");
    assert.deepEqual(await lookup("lasting", "served"), [own]);
    await start("other", ["--network", "lasting"]);
    assert.notEqual(await address("other", "lasting"), own);
    const taken = await docker("run", "--rm", "-p", `127.0.0.1:${port}:80`, IMAGE, "true");
    assert.match(taken.stderr, /port is already allocated/);
    await must_("rm", "-f", "server", "other");
    await must_("network", "rm", "lasting");
  });
});

describe("networks: IPv6", () => {
  test("both families, or the sixth alone", async () => {
    await must_("network", "create", "--ipv6", "--subnet", "fd00:201::/64", "both");
    await must_("network", "create", "--ipv6", "--ipv4=false", "sixth");
    await start("dual", ["--network", "both"]);
    assert.deepEqual(await lookup("both", "dual", "aaaa"), ["fd00:201::2"]);
    assert.match(await address("dual", "both"), ADDRESS);
    const { EnableIPv4, EnableIPv6, IPAM } = await inspect("sixth");
    assert.deepEqual([EnableIPv4, EnableIPv6, IPAM.Config.length], [false, true, 1]);
    const { stdout } = await inside("sixth", "busybox ip -o addr show dev eth0");
    assert.match(stdout, /inet6 fd/);
    assert.doesNotMatch(stdout, /inet /);
    await must_("rm", "-f", "dual");
    await must_("network", "rm", "both", "sixth");
    const neither = await docker("network", "create", "--ipv4=false", "neither");
    assert.equal(neither.stderr, "Error response from daemon: IPv4 or IPv6 must be enabled\n");
  });
});

describe("networks: a daemon's own options", () => {
  test("ipv6, fixed-cidr-v6, userland-proxy=false: the default network has both families, ports are held and translated", async () => {
    const options = ["--ipv6", "--fixed-cidr-v6=fd35:aa1e:1::/64", "--userland-proxy=false"];
    await using other = await startDaemon({ flags: options });
    await other.mustDocker(["import", "-", IMAGE], { input: await busyboxRootfs() });
    const shown = await other.mustDocker([
      "network",
      "inspect",
      "-f",
      "{{.EnableIPv6}} {{json .IPAM.Config}}",
      "bridge",
    ]);
    assert.match(shown, /^true \[\{"Subnet":"172\.[^}]*\},\{"Subnet":"fd35:aa1e:1::\/64"/);
    await other.mustDocker(["run", "-d", "--name", "web", "-p", "28397:80", IMAGE, ...SAY_HELLO]);
    const settings = "{{.NetworkSettings.GlobalIPv6Address}} {{.NetworkSettings.IPv6Gateway}}";
    const told = await other.mustDocker(["inspect", "-f", settings, "web"]);
    assert.equal(told, "fd35:aa1e:1::2 fd35:aa1e:1::1\n");
    const address6 = told.split(" ")[0] ?? "";
    await other.mustDocker(["run", "--rm", IMAGE, "busybox", "nc", "-w", "2", address6, "80"], { input: "" });
    const gateway = "{{(index .IPAM.Config 0).Gateway}}";
    const host = (await other.mustDocker(["network", "inspect", "-f", gateway, "bridge"])).trim();
    assert.equal(await readFrom(host, 28397), "hello\n");
    // Held: a second one may not have it.
    const second = await other.docker(["run", "--rm", "-p", "28397:80", IMAGE, "true"]);
    assert.match(second.stderr, /port is already allocated/);
    await other.mustDocker(["rm", "-f", "web"]);
  });

  test("icc=false: containers reach what they link to, by the ports that it exposes, and nothing else", async () => {
    await using other = await startDaemon({ flags: ["--icc=false"] });
    const mark = createHash("sha256").update(other.dataRoot).digest("hex").slice(0, 8);
    await other.mustDocker(["import", "-", IMAGE], { input: await busyboxRootfs() });
    await other.mustDocker(["run", "-d", "--name", "web", "--expose", "80", IMAGE, ...SAY_HELLO]);
    const listening = SAY_HELLO.map((word) => (word === "80" ? "81" : word));
    await other.mustDocker(["exec", "-d", "web", ...listening]);
    const web = (await other.mustDocker(["inspect", "-f", "{{.NetworkSettings.IPAddress}}", "web"])).trim();
    await other.mustDocker(["run", "-d", "--name", "linked", "--link", "web:w", IMAGE, "sleep", "600"]);
    await other.mustDocker(["run", "-d", "--name", "stranger", IMAGE, "sleep", "600"]);
    const reach = async (from: string, host: string, port: string): Promise<string> =>
      (await other.docker(["exec", from, "busybox", "timeout", "2", "busybox", "nc", "-w", "1", host, port])).stdout;
    const links = async (): Promise<string> =>
      (await run("nft", ["list", "set", "inet", `varve_${mark}`, "links"])).stdout;
    const check = async (): Promise<void> => {
      // Twice: the host must not have taught it a shorter way.
      for (const _ of [1, 2]) assert.equal(await reach("linked", "w", "80"), "hello\n");
      assert.equal(await reach("linked", "w", "81"), "");
      assert.equal(await reach("stranger", web, "80"), "");
      assert.match(await links(), new RegExp(`${web.replaceAll(".", "\\.")} \\. tcp \\. (?:80|http)`));
    };
    await check();
    await other.kill();
    await other.start();
    await check();
    await other.mustDocker(["rm", "-f", "linked"]);
    assert.doesNotMatch(await links(), /elements/);
    await other.mustDocker(["rm", "-f", "web", "stranger"]);
  });

  test("bridge=NAME: the subnet is that of its own address, it stays when the daemon goes", async () => {
    const bridge = `vtest${process.pid}`.slice(0, 15);
    const refused = await startDaemon({ flags: ["--bridge", bridge] }).catch((error: unknown) => error);
    assert.ok(refused instanceof Error);
    const why = `bridge device with non default name ${bridge} must be created manually`;
    assert.ok(refused.message.includes(`error creating default "bridge" network: ${why}`), refused.message);
    await must("ip", ["link", "add", bridge, "type", "bridge"]);
    try {
      await must("ip", ["addr", "add", "10.233.7.1/24", "dev", bridge]);
      {
        await using other = await startDaemon({ flags: ["--bridge", bridge, "--fixed-cidr", "10.233.7.64/26"] });
        await other.mustDocker(["import", "-", IMAGE], { input: await busyboxRootfs() });
        const told = await other.mustDocker([
          "run",
          "--rm",
          IMAGE,
          "busybox",
          "ip",
          "-o",
          "-4",
          "addr",
          "show",
          "eth0",
        ]);
        assert.match(told, / 10\.233\.7\.64\/24 /);
        const reached = await other.docker([
          "run",
          "--rm",
          IMAGE,
          "busybox",
          "ping",
          "-c",
          "1",
          "-W",
          "2",
          "10.233.7.1",
        ]);
        assert.equal(reached.code, 0, reached.stdout);
      }
      assert.match(await must("ip", ["-o", "addr", "show", "dev", bridge]), /10\.233\.7\.1\/24/);
    } finally {
      await run("ip", ["link", "delete", bridge]);
    }
  });

  test("bridge=none: there is no default network; who names none has a loopback only", async () => {
    await using other = await startDaemon({ flags: ["--bridge=none"] });
    await other.mustDocker(["import", "-", IMAGE], { input: await busyboxRootfs() });
    assert.equal(await other.mustDocker(["network", "ls", "--format", "{{.Name}}"]), "host\nnone\n");
    for (const flags of [[], ["--network", "bridge"], ["-p", "80:80"]]) {
      assert.equal(await other.mustDocker(["run", "--rm", ...flags, IMAGE, "ls", "/sys/class/net"]), "lo\n");
    }
    await other.mustDocker(["create", "--name", "alone", IMAGE, "true"]);
    const format = "{{.HostConfig.NetworkMode}} {{.Config.NetworkDisabled}} {{json .NetworkSettings.Ports}}";
    assert.match(await other.mustDocker(["inspect", "-f", format, "alone"]), /^(?:bridge|default) true \{\}\n$/);
    const create = await other.docker(["network", "create", "bridge"]);
    assert.match(create.stderr, /operation is not permitted on predefined bridge network/);
    await other.mustDocker(["network", "create", "own"]);
    const own = await other.mustDocker(["run", "--rm", "--network", "own", IMAGE, "ls", "/sys/class/net"]);
    assert.equal(own, "eth0\nlo\n");
    await other.mustDocker(["network", "rm", "own"]);
    await other.mustDocker(["rm", "alone"]);
  });

  test("ipv6 can be switched on and off for a data root that has the other", async () => {
    await using first = await startDaemon();
    const isSix = async (): Promise<string> =>
      (await first.mustDocker(["network", "inspect", "-f", "{{.EnableIPv6}} {{len .IPAM.Config}}", "bridge"])).trim();
    assert.equal(await isSix(), "false 1");
    await first.stop();
    const flags = ["--ipv6", "--fixed-cidr-v6=fd35:aa1e:2::/64"];
    {
      await using again = await startDaemon({ dataRoot: first.dataRoot, flags });
      const shown = await again.mustDocker([
        "network",
        "inspect",
        "-f",
        "{{.EnableIPv6}} {{len .IPAM.Config}}",
        "bridge",
      ]);
      assert.equal(shown.trim(), "true 2");
    }
    await first.start();
    assert.equal(await isSix(), "false 1");
  });
});

describe("networks: nothing is left", () => {
  test("a daemon that ends without containers takes its bridges and rules along", async () => {
    const exists = async (link: string): Promise<boolean> => (await run("ip", ["link", "show", link])).code === 0;
    const tables = async (): Promise<string> => (await run("nft", ["list", "tables"])).stdout;
    let names: readonly string[] = [];
    let mark = "";
    {
      await using other = await startDaemon();
      mark = createHash("sha256").update(other.dataRoot).digest("hex").slice(0, 8);
      const id = (await other.mustDocker(["network", "create", "left"])).trim();
      await other.mustDocker(["import", "-", IMAGE], { input: await busyboxRootfs() });
      await other.mustDocker(["run", "--rm", IMAGE, "true"]);
      names = [`varve${mark}`, `br-${id.slice(0, 12)}`];
      for (const name of names) assert.ok(await exists(name), name);
      assert.match(await tables(), new RegExp(`varve_${mark}`));
    }
    for (const name of names) assert.equal(await exists(name), false, name);
    assert.doesNotMatch(await tables(), new RegExp(`varve_${mark}`));
  });
});
