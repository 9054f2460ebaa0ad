import assert from "node:assert/strict";
import { test } from "node:test";
import { canonicalIp, checkDnsSearch, checkExtraHost, isMacAddress } from "./addresses.ts";
import { csvFields } from "./csv.ts";
import { parseDevice, parseGpus, parseUlimit, parseWeightDevice } from "./devices.ts";
import { parseMount } from "./mount.ts";
import { parseNetworkAttachment, plainAttachment } from "./networkAttachment.ts";
import { networking } from "./networking.ts";
import { parseInteger, parseUnsigned } from "./numbers.ts";
import { parsePorts } from "./ports.ts";
import { parseRestartPolicy } from "./restartPolicy.ts";
import { parseBytes, parseCpus, parseDurationNanos } from "./sizes.ts";
import { parseVolumes } from "./volumes.ts";

const NO_FLAGS = { aliases: [], links: [], linkLocalIps: [], ip: "", ip6: "", macAddress: "" };

test("csv: quotes hold commas, doubled quotes are one", () => {
  assert.deepEqual(csvFields('a,"b,c",,"d""e"'), ["a", "b,c", "", 'd"e']);
  assert.throws(() => csvFields('a"b'), /column 2: bare " in non-quoted-field/);
  assert.throws(() => csvFields('"a'), /column 3: extraneous or missing/);
  assert.throws(() => csvFields(""), /^Error: EOF$/);
});

test("numbers: prefixes of pflag, ranges of their type", () => {
  assert.equal(parseInteger("0x1f"), 31);
  assert.equal(parseInteger("010"), 8);
  assert.equal(parseInteger("-1_000"), -1000);
  assert.throws(() => parseInteger("09"), /invalid syntax/);
  assert.throws(() => parseInteger("9223372036854775808"), /value out of range/);
  assert.throws(() => parseUnsigned("65536", 16), /value out of range/);
  assert.throws(() => parseUnsigned("-1", 16), /strconv.ParseUint: parsing "-1": invalid syntax/);
});

test("sizes: units in powers of 1024", () => {
  assert.equal(parseBytes("512"), 512);
  assert.equal(parseBytes("1.5 GiB"), 1_610_612_736);
  assert.equal(parseBytes("64kb"), 65_536);
  assert.throws(() => parseBytes("x"), /invalid size: 'x'/);
  assert.throws(() => parseBytes("5xb"), /invalid suffix: 'xb'/);
  assert.throws(() => parseBytes("-5"), /invalid size: '-5'/);
});

test("cpus: rational numbers of at most nine decimals", () => {
  assert.equal(parseCpus(".5"), 500_000_000);
  assert.equal(parseCpus("1e-1"), 100_000_000);
  assert.equal(parseCpus("3/4"), 750_000_000);
  assert.throws(() => parseCpus("1/3"), /too precise/);
  assert.throws(() => parseCpus("1/0"), /failed to parse/);
});

test("durations: nanoseconds, several units, a unit is needed", () => {
  assert.equal(parseDurationNanos("1m30s"), 90e9);
  assert.equal(parseDurationNanos("-1.5ms"), -1_500_000);
  assert.equal(parseDurationNanos("0"), 0);
  assert.throws(() => parseDurationNanos("5"), /missing unit/);
  assert.throws(() => parseDurationNanos("5d"), /unknown unit "d"/);
  assert.throws(() => parseDurationNanos(""), /invalid duration/);
});

test("addresses: canonical forms", () => {
  assert.equal(canonicalIp("2001:DB8:0:0::1"), "2001:db8::1");
  assert.equal(canonicalIp("::ffff:1.2.3.4"), "1.2.3.4");
  assert.equal(canonicalIp("fe80::1%eth0"), undefined);
  assert.equal(canonicalIp("1.2.3"), undefined);
  assert.equal(checkExtraHost("db=[::1]"), "db:::1");
  assert.equal(checkDnsSearch("example.test."), "example.test");
  assert.ok(isMacAddress("92-d0-c6-0a-29-33") && isMacAddress("92d0.c60a.2933"));
  assert.ok(!isMacAddress("92:d0-c6:0a:29:33") && !isMacAddress("92:d0:c6"));
});

test("ports: ranges on both sides, one port to a range of the host", () => {
  assert.deepEqual(parsePorts(["8000-8001:80-81/udp"], []).bindings, {
    "80/udp": [{ HostIp: "", HostPort: "8000" }],
    "81/udp": [{ HostIp: "", HostPort: "8001" }],
  });
  assert.deepEqual(parsePorts(["[::1]:8000-8005:80"], []).bindings, {
    "80/tcp": [{ HostIp: "::1", HostPort: "8000-8005" }],
  });
  assert.deepEqual(Object.keys(parsePorts(["published=1,target=2"], ["5-6"]).exposed), ["2/tcp", "5/tcp", "6/tcp"]);
  assert.throws(() => parsePorts(["1-2:1-3"], []), /invalid ranges/);
});

test("mount: keys of every type, and what does not go together", () => {
  assert.deepEqual(parseMount("type=bind,src=/a,dst=/b,ro,bind-propagation=rslave"), {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    ReadOnly: true,
    BindOptions: { Propagation: "rslave" },
  });
  assert.deepEqual(parseMount("dst=/b,volume-opt=o=x,volume-label=l"), {
    Type: "volume",
    Target: "/b",
    VolumeOptions: { DriverConfig: { Options: { o: "x" } }, Labels: { l: "" } },
  });
  assert.throws(() => parseMount("type=tmpfs,dst=/b,bind-propagation=x"), /cannot mix 'bind-\*'/);
  assert.throws(() => parseMount("constructor=x,dst=/b"), /unexpected key/);
});

test("volumes: a single letter looks like a drive, as Docker's client has it", () => {
  assert.deepEqual(parseVolumes(["/a:/b", "named:/c:ro", "/d", "n:/e", "/a:/b"]), {
    binds: ["/a:/b", "named:/c:ro"],
    anonymous: { "/d": {}, "n:/e": {} },
  });
  assert.throws(() => parseVolumes(["/a::/b"]), /empty section between colons/);
});

test("network: long form, flags for the first, several networks", () => {
  const web = parseNetworkAttachment("name=web,alias=a,ip=10.0.0.2,driver-opt=k=v");
  assert.deepEqual([web.target, web.aliases, web.ip, web.driverOptions], ["web", ["a"], "10.0.0.2", { k: "v" }]);
  assert.deepEqual(networking([plainAttachment("web")], NO_FLAGS), { mode: "web", endpoints: {} });
  const both = networking([plainAttachment("web"), plainAttachment("db")], { ...NO_FLAGS, aliases: ["x"] });
  assert.deepEqual([both.endpoints["web"]?.["Aliases"], both.endpoints["db"]?.["Aliases"]], [["x"], null]);
  assert.throws(
    () => networking([plainAttachment("host")], { ...NO_FLAGS, aliases: ["x"] }),
    /only supported for user/,
  );
  assert.throws(() => parseNetworkAttachment("name=web,toString=x"), /invalid field key tostring/);
});

test("devices: modes, rates, GPUs, ulimits", () => {
  assert.deepEqual(parseDevice("/dev/null:rw"), {
    PathOnHost: "/dev/null",
    PathInContainer: "/dev/null",
    CgroupPermissions: "rw",
  });
  assert.throws(() => parseDevice("/dev/null:/dev/x:rr"), /bad mode specified: rr/);
  assert.throws(() => parseWeightDevice("/dev/sda:5"), /invalid weight/);
  assert.deepEqual(parseGpus('"device=0,1"').DeviceIDs, ["0", "1"]);
  assert.equal(parseGpus("all").Count, -1);
  assert.deepEqual(parseUlimit("core=-1"), { Name: "core", Hard: -1, Soft: -1 });
});

test("restart policy: name and count", () => {
  assert.deepEqual(parseRestartPolicy("on-failure:3"), { Name: "on-failure", MaximumRetryCount: 3 });
  assert.throws(() => parseRestartPolicy(":3"), /no policy provided before colon/);
});
