import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { openContainerRooms } from "./containerRooms.ts";
import type { ContainerRooms } from "./containerRooms.ts";
import { listenForDatagrams } from "./support/datagramListener.ts";

/** Nothing of an address stands before its text. */
const textOf = (datagrams: readonly Buffer[]): readonly string[] => datagrams.map((bytes) => bytes.toString("latin1"));
const withoutTime = (line: string): string => line.replace(/^(<\d+>)\w{3} [ \d]\d [\d:]{8}/, "$1TIME");

describe("output that is forwarded", () => {
  let rooms: ContainerRooms;
  before(async () => {
    rooms = await openContainerRooms();
  });
  after(async () => {
    await rooms[Symbol.asyncDispose]();
  });

  const request = (Type: string, Config: Readonly<Record<string, string>>, script: string): object => ({
    Cmd: ["sh", "-c", script],
    Labels: { "my.label": "v" },
    Env: ["A=1\n2"],
    HostConfig: { LogConfig: { Type, Config }, NetworkMode: "none" },
  });

  async function logOf(id: string): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of rooms.containers.logs(id, { stdout: true, stderr: true, follow: false }))
      chunks.push(chunk);
    return Buffer.concat(chunks).toString("latin1");
  }

  test("syslog: a datagram a line, and the log can be read all the same", async () => {
    const path = join(rooms.execRoot, "syslog.sock");
    using listener = listenForDatagrams(path);
    const options = { "syslog-address": `unixgram://${path}`, "syslog-facility": "local3", tag: "t-{{.ImageName}}" };
    const { id } = await rooms.run(request("syslog", options, "echo a; echo; printf b"));
    assert.deepEqual(textOf(await listener.wait(2)).map(withoutTime), [
      `<158>TIME t-box[${process.pid}]: a\n`,
      `<158>TIME t-box[${process.pid}]: b\n`,
    ]);
    assert.match(await logOf(id), /a\n.*b$/s);
  });

  test("syslog: more lines than the socket's queue holds all arrive, in order", async () => {
    const path = join(rooms.execRoot, "flood.sock");
    using listener = listenForDatagrams(path);
    await rooms.run(request("syslog", { "syslog-address": `unixgram://${path}` }, "seq 2000"));
    const numbers = textOf(await listener.wait(2000)).map((line) => Number(line.replace(/^.*: /s, "")));
    assert.deepEqual(
      numbers,
      Array.from({ length: 2000 }, (_item, index) => index + 1),
    );
  });

  test("syslog: over TLS, each message with its length, to whom its certificate proves", async () => {
    const [key, cert] = [join(rooms.execRoot, "syslog.key"), join(rooms.execRoot, "syslog.pem")];
    const subject = ["-subj", "/CN=receiver", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert];
    execFileSync("openssl", ["req", "-x509", ...made, "-days", "2", ...subject], { stdio: "ignore" });
    const received: Buffer[] = [];
    const receiver = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) =>
      socket.on("data", (bytes: Buffer) => received.push(bytes)).on("error", () => undefined),
    );
    try {
      receiver.listen(0, "127.0.0.1");
      await once(receiver, "listening");
      const address = receiver.address();
      assert.ok(typeof address === "object" && address !== null);
      const options = { "syslog-address": `tcp+tls://127.0.0.1:${address.port}`, "syslog-format": "rfc5424" };
      const ended = once(receiver, "secureConnection").then(([socket]: unknown[]) => {
        assert.ok(socket instanceof TLSSocket);
        return once(socket, "end");
      });
      await rooms.run(request("syslog", { ...options, "syslog-tls-ca-cert": cert }, "echo one; echo three"));
      await ended;
      const text = Buffer.concat(received).toString();
      const [, length = "", rest = ""] = /^(\d+) (.*)$/s.exec(text) ?? [];
      assert.match(rest.slice(0, Number(length)), /^<30>1 .* - one\n$/);
      assert.match(rest.slice(Number(length)), /^\d+ <30>1 .* - three\n$/);
      const failed = "failed to create task for container: failed to initialize logging driver: ";
      const refuse = (more: Readonly<Record<string, string>>, why: string): Promise<void> =>
        assert.rejects(rooms.run(request("syslog", { ...options, ...more }, "true")), { message: failed + why });
      await refuse({}, "tls: failed to verify certificate: x509: certificate signed by unknown authority");
      const absent = "open /nope: no such file or directory";
      await refuse({ "syslog-tls-ca-cert": "/nope" }, `could not read CA certificate "/nope": ${absent}`);
      await refuse({ "syslog-tls-cert": "/nope" }, `Could not load X509 key pair: ${absent}`);
      await rooms.run(request("syslog", { ...options, "syslog-tls-skip-verify": "" }, "true"));
    } finally {
      receiver.close();
    }
  });

  test("syslog: over UDP, without a cache there is nothing to read", async () => {
    const receiver = createSocket("udp4");
    try {
      receiver.bind(0, "127.0.0.1");
      await once(receiver, "listening");
      const options = {
        "syslog-address": `udp://127.0.0.1:${receiver.address().port}`,
        "syslog-format": "rfc5424",
        "cache-disabled": "true",
      };
      const message = once(receiver, "message");
      const { id } = await rooms.run(request("syslog", options, "echo oops >&2"));
      const [bytes]: unknown[] = await message;
      assert.match(String(bytes), new RegExp(`^<27>1 \\S+ \\S+ ${id.slice(0, 12)} \\d+ ${id.slice(0, 12)} - oops\n$`));
      await assert.rejects(logOf(id), { message: "configured logging driver does not support reading" });
    } finally {
      receiver.close();
    }
  });

  test("syslog: over TCP", async () => {
    const server = createServer();
    try {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
      await rooms.run(request("syslog", { "syslog-address": `tcp://127.0.0.1:${address.port}` }, "echo one; echo two"));
      let text = "";
      for await (const chunk of await connected) text += String(chunk);
      assert.match(text, /^<30>[^\n]*: one\n<30>[^\n]*: two\n$/);
    } finally {
      server.close();
    }
  });

  test("syslog: a socket that is not there fails the start", async () => {
    const id = await rooms.make(request("syslog", { "syslog-address": "unixgram:///no/where" }, "true"));
    await assert.rejects(rooms.containers.start(id), { message: "stat /no/where: no such file or directory" });
    const tcp = await rooms.make(request("syslog", { "syslog-address": "tcp://127.0.0.1:1" }, "true"));
    await assert.rejects(rooms.containers.start(tcp), {
      message:
        "failed to create task for container: failed to initialize logging driver: dial tcp 127.0.0.1:1: connect: connection refused",
    });
  });

  test("journald: fields of the container, labels and variables", async () => {
    using listener = listenForDatagrams(rooms.journalSocket);
    const { id } = await rooms.run(request("journald", { labels: "my.label", env: "A" }, "echo out; echo err >&2"));
    const entries = textOf(await listener.wait(2)).toSorted();
    const [failure = "", entry = ""] = entries;
    assert.ok(failure.startsWith("PRIORITY=3\nMESSAGE=err\n"), failure);
    assert.ok(entry.startsWith("PRIORITY=6\nMESSAGE=out\n"), entry);
    for (const field of [
      `CONTAINER_ID=${id.slice(0, 12)}\n`,
      `CONTAINER_ID_FULL=${id}\n`,
      `CONTAINER_TAG=${id.slice(0, 12)}\n`,
      `SYSLOG_IDENTIFIER=${id.slice(0, 12)}\n`,
      "IMAGE_NAME=box\n",
      "MY_LABEL=v\n",
      "A\n\x03\0\0\0\0\0\0\x001\n2\n",
    ])
      assert.ok(entry.includes(field), field);
    assert.match(await logOf(id), /out\n/);
  });

  test("journald: a container goes on being forwarded by the next daemon", async () => {
    using listener = listenForDatagrams(rooms.journalSocket);
    const id = await rooms.make(
      request("journald", {}, "trap 'echo second; exit' TERM; echo first; while :; do sleep 0.1; done"),
      "forwarded",
    );
    await rooms.containers.start(id);
    await listener.wait(1);
    await rooms.restart();
    await rooms.control.stop(id, {});
    const [, second = ""] = textOf(await listener.wait(2));
    assert.match(second, /^PRIORITY=6\nMESSAGE=second\n[^]*CONTAINER_NAME=forwarded\n/);
  });

  test("gelf: over UDP and TCP, one message a line that is not empty", async () => {
    const receiver = createSocket("udp4");
    const seen: string[] = [];
    const server = createServer((socket) => socket.on("data", (bytes) => seen.push(bytes.toString())));
    try {
      receiver.bind(0, "127.0.0.1");
      server.listen(0, "127.0.0.1");
      await Promise.all([once(receiver, "listening"), once(server, "listening")]);
      const message = once(receiver, "message");
      const options = { "gelf-address": `udp://127.0.0.1:${receiver.address().port}`, labels: "my.label" };
      const { id } = await rooms.run(request("gelf", options, "echo; echo oops >&2"));
      const [bytes]: unknown[] = await message;
      assert.ok(bytes instanceof Buffer);
      const found: unknown = JSON.parse(gunzipSync(bytes).toString());
      assert.ok(typeof found === "object" && found !== null);
      const { short_message, level, _container_id, "_my.label": label, _command } = found as Record<string, unknown>;
      assert.deepEqual([short_message, level, _container_id, label], ["oops", 3, id, "v"]);
      assert.equal(_command, "sh -c echo; echo oops >&2");
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      const connected = once(server, "connection").then(([socket]: unknown[]) => once(socket as Socket, "close"));
      const { id: other } = await rooms.run(
        request("gelf", { "gelf-address": `tcp://127.0.0.1:${address.port}` }, "echo one; echo two"),
      );
      await connected;
      assert.deepEqual(
        seen
          .join("")
          .split("\0")
          .map((text) => /"short_message":"(\w+)"/.exec(text)?.[1]),
        ["one", "two", undefined],
      );
      assert.match(await logOf(other), /one\n.*two\n$/s);
    } finally {
      receiver.close();
      server.close();
    }
  });

  test("fluentd: a record a line, each with its receipt; who is not there is told, or waited for in the background", async () => {
    const seen: Buffer[] = [];
    const server = createServer((socket) =>
      socket.on("data", (bytes) => {
        seen.push(Buffer.from(bytes));
        const [, chunk = ""] = /chunk\xb8(.{24})/s.exec(Buffer.from(bytes).toString("latin1")) ?? [];
        socket.write(Buffer.from(`\x81\xa3ack\xb8${chunk}`, "latin1"));
      }),
    );
    try {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      const target = { "fluentd-address": `127.0.0.1:${address.port}` };
      const ended = once(server, "connection").then(([socket]: unknown[]) => once(socket as Socket, "close"));
      const options = { ...target, "fluentd-request-ack": "true", labels: "my.label", tag: "T" };
      const { id } = await rooms.run(request("fluentd", options, "echo one; echo two >&2"));
      await ended;
      const text = Buffer.concat(seen).toString("latin1");
      assert.match(text, /^\x94\xa1T\xd2.{4}\x85\xa6source\xa6stdout\xa3log\xa3one/s);
      assert.match(text, /\xa6source\xa6stderr\xa3log\xa3two\xaccontainer_id\xd9@[0-9a-f]{64}\xaecontainer_name/);
      assert.ok(text.includes(`\xd9@${id}`) && text.includes("\xa8my.label\xa1v"));
      seen.length = 0;
      await rooms.run(request("fluentd", { ...target, "fluentd-async": "true" }, "echo later"));
      for (let tries = 0; seen.length === 0 && tries < 200; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.match(Buffer.concat(seen).toString("latin1"), /\xa5later/);
      const nobody = { "fluentd-address": "127.0.0.1:9" };
      await assert.rejects(rooms.run(request("fluentd", nobody, "true")), {
        message:
          "failed to create task for container: failed to initialize logging driver: dial tcp 127.0.0.1:9: connect: connection refused",
      });
      assert.equal((await rooms.run(request("fluentd", { ...nobody, "fluentd-async": "true" }, "true"))).code, 0);
    } finally {
      server.close();
    }
  });
});
