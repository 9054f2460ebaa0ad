/** What is refused, when, and in which words: each line was asked of dockerd 26.1 through its API. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

const RUNC =
  "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ";
const INIT = `${RUNC}unable to start container process: error during container init: `;
const WRONG_KIND =
  "Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";
const PORTS = "driver failed programming external connectivity on endpoint case (<id>): ";
const MAC_DEPRECATED =
  "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.";

type Answer = readonly [status: number, message: string | undefined];
interface Case {
  readonly about: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly create?: Answer;
  readonly start?: Answer;
}

const box = (HostConfig: object, rest: object = {}): Case["body"] => ({
  Image: "box:1",
  Cmd: ["sleep", "30"],
  HostConfig,
  ...rest,
});
const mac = (MacAddress: string): Case["body"] => box({}, { MacAddress });
const published = (key: string, binding: object): Case["body"] =>
  box({ PortBindings: { [key]: [binding] } }, { ExposedPorts: { [key]: {} } });
const tmpfs = (options: string, data: string): Case => ({
  about: `tmpfs ${options}`,
  body: box({ Tmpfs: { "/t": options } }),
  start: [
    500,
    `${INIT}error mounting "tmpfs" to rootfs at "/t": mount tmpfs:/t (via /proc/self/fd/6), flags: 0xe, data: ${data}: invalid argument: unknown`,
  ],
});
const bare = (Cmd: readonly string[]): Case["body"] => ({ Image: "", Cmd });

const CASES: readonly Case[] = [
  tmpfs("size=abc", "size=abc"),
  tmpfs("uid=x,ro", "uid=x"),
  {
    about: "tmpfs over a file",
    body: box({ Tmpfs: { "/etc/passwd": "" } }),
    start: [
      400,
      `${INIT}error mounting "tmpfs" to rootfs at "/etc/passwd": mount tmpfs:/etc/passwd (via /proc/self/fd/6), flags: 0xe, data: mode=0644: not a directory: unknown: ${WRONG_KIND}`,
    ],
  },
  {
    about: "file over a directory",
    body: box({ Binds: ["/etc/hostname:/etc"] }),
    start: [
      400,
      `${INIT}error mounting "/etc/hostname" to rootfs at "/etc": mount /etc/hostname:/etc (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown: ${WRONG_KIND}`,
    ],
  },
  {
    about: "directory over a file",
    body: box({ Binds: ["/tmp:/etc/passwd"] }),
    start: [
      400,
      `${INIT}error mounting "/tmp" to rootfs at "/etc/passwd": create mount destination for /etc/passwd mount: cannot mkdir in <root>/etc/passwd: not a directory: unknown: ${WRONG_KIND}`,
    ],
  },
  {
    about: "null byte in a mount",
    body: box({ Tmpfs: { "/t\0": "" } }),
    start: [
      500,
      `${RUNC}invalid mount {Destination:/t\0 Type:tmpfs Source:tmpfs Options:[noexec nosuid nodev rprivate] UIDMappings:[] GIDMappings:[]}: mount field contains null byte: unknown`,
    ],
  },
  {
    about: "name server",
    body: box({ Dns: ["1::2::3"] }),
    start: [500, 'bad nameserver address 1::2::3: ParseAddr("1::2::3"): multiple :: in address (at ":3")'],
  },
  ...["zz", "02:42", "02:42-ac:11:00:05"].map(
    (address): Case => ({
      about: `MAC address ${address}`,
      body: mac(address),
      create: [400, `invalid config for network bridge: invalid MAC address ${address}`],
    }),
  ),
  {
    about: "MAC address of a group",
    body: mac("01:00:5e:00:00:01"),
    start: [
      500,
      `${INIT}error running hook #0: error running hook: exit status 1, stdout: , stderr: failed to add interface <veth> to sandbox: error setting interface "<veth>" MAC to "01:00:5e:00:00:01": cannot assign requested address: unknown`,
    ],
  },
  {
    about: "address on the default network",
    body: box({}, { NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: "1.2.3.4" } } } } }),
    create: [
      400,
      "invalid config for network bridge: invalid endpoint settings:\n* user specified IP address is supported on user defined networks only\n* no configured subnet or ip-range contain the IP address 1.2.3.4",
    ],
  },
  { about: "MAC address with dots", body: mac("0242.ac11.0005"), start: [204, undefined] },
  ...["", "/tcp", "80/foo"].map(
    (key): Case => ({
      about: `port ${JSON.stringify(key)}`,
      body: published(key, { HostPort: "" }),
      start: [500, `${PORTS}invalid transport protocol: 0`],
    }),
  ),
  { about: "port 80/", body: published("80/", { HostPort: "28391" }), start: [204, undefined] },
  {
    about: "port x/tcp",
    body: published("x/tcp", {}),
    create: [400, 'invalid port specification: "x"'],
  },
  {
    about: "host port 28392-28393-3",
    body: published("80/tcp", { HostPort: "28392-28393-3" }),
    start: [204, undefined],
  },
  {
    about: "host port 0-9",
    body: published("80/tcp", { HostPort: "0-9" }),
    start: [500, `${PORTS}invalid port range: 0-9`],
  },
  {
    about: "host address that is none",
    body: published("80/tcp", { HostIp: "localhost", HostPort: "28394" }),
    start: [204, undefined],
  },
  { about: "no image, no command", body: bare([]), create: [400, "no command specified"] },
  {
    about: "no image, a command",
    body: bare(["true"]),
    start: [400, `${RUNC}unable to start container process: exec: "true": executable file not found in $PATH: unknown`],
  },
];

const fieldOf = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce(
    (at: unknown, name) => (typeof at === "object" && at !== null ? Reflect.get(at, name) : undefined),
    value,
  );

describe("the API's words", () => {
  let daemon: TestDaemon;

  before(async () => {
    daemon = await startDaemon();
    await daemon.mustDocker(["import", "-", "box:1"], { input: await busyboxRootfs() });
  });
  after(() => daemon[Symbol.asyncDispose]());

  const ask = async (method: string, path: string, body?: object): Promise<Answer> => {
    const { status, body: answer } = await daemon.api(method, path, body);
    const message = fieldOf(answer, "message");
    if (typeof message !== "string") return [status, undefined];
    const masked = message
      .replace(/[0-9a-f]{64}/g, "<id>")
      .replace(/\bveth[0-9a-f]{7}\b/g, "<veth>")
      .replaceAll(`${daemon.dataRoot}/overlay2/<id>/merged`, "<root>");
    return [status, masked];
  };

  const inspect = async (): Promise<unknown> => (await daemon.api("GET", "/containers/case/json")).body;

  const made = async (body: Case["body"], look: () => Promise<void>): Promise<void> => {
    assert.deepEqual(await ask("POST", "/containers/create?name=case", body), [201, undefined]);
    try {
      await look();
    } finally {
      await daemon.api("DELETE", "/containers/case?force=1&v=1");
    }
  };

  for (const { about, body, create, start } of CASES) {
    test(`words: ${about}`, async () => {
      if (create !== undefined) assert.deepEqual(await ask("POST", "/containers/create?name=case", body), create);
      else await made(body, async () => assert.deepEqual(await ask("POST", "/containers/case/start"), start));
    });
  }

  test("a container of nothing runs what its mounts bring, and can be committed", async () => {
    await daemon.mustDocker(["create", "--name", "brings", "-v", "busybox-of-it:/bin", "box:1", "true"]);
    const body = { ...bare(["/bin/sleep", "30"]), HostConfig: { Binds: ["busybox-of-it:/bin"] } };
    await made(body, async () => {
      assert.deepEqual(await ask("POST", "/containers/case/start"), [204, undefined]);
      const found = await inspect();
      assert.deepEqual([fieldOf(found, "Image"), fieldOf(found, "Config", "Image")], ["", ""]);
      assert.match(await daemon.mustDocker(["ps", "--format", "{{.Names}}|{{.Image}}|"]), /^case\|/m);
      await daemon.mustDocker(["commit", "case", "from-nothing:1"]);
    });
    assert.equal(await daemon.mustDocker(["image", "inspect", "-f", "{{.Os}}", "from-nothing:1"]), "linux\n");
    await daemon.mustDocker(["rmi", "from-nothing:1"]);
    await daemon.mustDocker(["rm", "-v", "brings"]);
  });

  test("bindings of ports that are not exposed publish nothing; inspect shows them as they were spelt", async () => {
    const body = box({ PortBindings: { "81": [{ HostPort: "28395" }] } }, { ExposedPorts: { "81/tcp": {} } });
    await made(body, async () => {
      assert.deepEqual(await ask("POST", "/containers/case/start"), [204, undefined]);
      const found = await inspect();
      assert.deepEqual(fieldOf(found, "HostConfig", "PortBindings"), { "81": [{ HostIp: "", HostPort: "28395" }] });
      assert.deepEqual(fieldOf(found, "NetworkSettings", "Ports"), { "81/tcp": null });
    });
  });

  test("a tmpfs has the permissions of what it hides", async () => {
    const command = ["stat", "-c", "%a %n", "/etc", "/nowhere", "/own"];
    const flags = ["--tmpfs", "/etc", "--tmpfs", "/nowhere", "--tmpfs", "/own:mode=700"];
    const told = await daemon.mustDocker(["run", "--rm", "--network", "none", ...flags, "box:1", ...command]);
    assert.equal(told, "755 /etc\n1777 /nowhere\n700 /own\n");
  });

  test("endpoints have a priority since API 1.48", async () => {
    await made(box({}), async () => {
      const of = async (version: string): Promise<unknown> => {
        const { body } = await daemon.api("GET", `/v${version}/containers/case/json`);
        return fieldOf(body, "NetworkSettings", "Networks", "bridge", "GwPriority");
      };
      assert.deepEqual([await of("1.47"), await of("1.48")], [undefined, 0]);
    });
  });

  test("the MAC address of a container warns, and is shown as it was asked for until the first start", async () => {
    await daemon.api("DELETE", "/containers/case?force=1");
    const { body } = await daemon.api("POST", "/containers/create?name=case", mac("02:42:AC:11:00:05"));
    assert.deepEqual(fieldOf(body, "Warnings"), [MAC_DEPRECATED]);
    const shown = async (): Promise<unknown> => fieldOf(await inspect(), "NetworkSettings", "MacAddress");
    assert.equal(await shown(), "02:42:AC:11:00:05");
    await daemon.mustDocker(["start", "case"]);
    assert.equal(await shown(), "02:42:ac:11:00:05");
    await daemon.mustDocker(["stop", "-t", "0", "case"]);
    assert.equal(await shown(), "");
    await daemon.api("DELETE", "/containers/case");
  });
});
