import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer, request as httpsRequest } from "node:https";
import { mkdtempSync, readFileSync } from "node:fs";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { ApiServer } from "#api";
import { ErrorCode, hasCode, isInvalidArgument } from "#errors";
import { listenAll, parseListenAddress } from "./listen.ts";
import type { ListenOptions } from "./listen.ts";

const folder = mkdtempSync(join(tmpdir(), "varve-listen-"));
const PLAIN: ListenOptions = { group: undefined, tls: undefined, onError: () => undefined };
const running: ApiServer[] = [];

after(async () => {
  for (const server of running) server.close();
  await rm(folder, { recursive: true });
});

const makeServer: Parameters<typeof listenAll>[1] = (tls) => {
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  running.push(server);
  return server.on("request", (_request, response) => response.end("OK"));
};
const path = (name: string): string => join(folder, name);

test("parseListenAddress: reads Unix sockets and TCP, with Docker's default ports", () => {
  const tcp = (host: string, port: number): object => ({ kind: "tcp", host, port });
  assert.deepEqual(parseListenAddress("unix:///run/x.sock", "plain"), { kind: "unix", path: "/run/x.sock" });
  assert.deepEqual(parseListenAddress("tcp://127.0.0.1:80", "plain"), tcp("127.0.0.1", 80));
  assert.deepEqual(parseListenAddress("tcp://:2377", "plain"), tcp("127.0.0.1", 2377));
  assert.deepEqual(parseListenAddress("tcp://localhost", "plain"), tcp("localhost", 2375));
  assert.deepEqual(parseListenAddress("tcp://localhost", "tls"), tcp("localhost", 2376));
  assert.deepEqual(parseListenAddress("tcp://[::1]:80/", "plain"), tcp("::1", 80));
  assert.deepEqual(parseListenAddress("0.0.0.0:80", "plain"), tcp("0.0.0.0", 80));
});

test("parseListenAddress: refuses anything else and names it", () => {
  for (const host of [
    "",
    "unix://",
    "unix://relative",
    "tcp://",
    "tcp://a:b",
    "tcp://a:99999",
    "tcp://a/b",
    "tcp://[::1",
    "a b:c",
  ]) {
    assert.throws(() => parseListenAddress(host, "plain"), isInvalidArgument, host);
  }
  assert.throws(() => parseListenAddress("foo://x", "plain"), {
    message: "invalid bind address (foo://x): unsupported proto 'foo'",
  });
});

test("listenAll: makes a socket for owner and group only, and restores the mask", async () => {
  const mask = process.umask();
  await listenAll([`unix://${path("sub/a")}`], makeServer, PLAIN);
  assert.equal((await stat(path("sub/a"))).mode & 0o777, 0o660);
  assert.equal(process.umask(), mask);
});

test("listenAll: gives the socket to a group, by number too", async () => {
  await listenAll([`unix://${path("group")}`], makeServer, { ...PLAIN, group: String(process.getgid?.() ?? 0) });
  assert.equal((await stat(path("group"))).gid, process.getgid?.());
  await assert.rejects(listenAll([`unix://${path("nogroup")}`], makeServer, { ...PLAIN, group: "no-such-group" }), {
    message: "group no-such-group not found",
  });
});

test("listenAll: replaces the socket of a daemon that is gone", async () => {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path("stale"))}, () => process.kill(process.pid, "SIGKILL"))`;
  assert.throws(() => execFileSync(process.execPath, ["-e", script], { stdio: "ignore" }));
  assert.ok((await stat(path("stale"))).isSocket());
  await listenAll([`unix://${path("stale")}`], makeServer, PLAIN);
  const socket = connect(path("stale"));
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.destroy();
});

test("listenAll: refuses the socket of a daemon that answers, and leaves it alone", async () => {
  const [first] = await listenAll([`unix://${path("live")}`], makeServer, PLAIN);
  await assert.rejects(listenAll([`unix://${path("live")}`], makeServer, PLAIN), (error: unknown) => {
    assert.equal((error as Error).message, `can't create unix socket ${path("live")}: another daemon answers on it`);
    return hasCode(error, ErrorCode.DAEMON_RUNNING);
  });
  assert.ok(first?.listening && (await stat(path("live"))).isSocket());
});

test("listenAll: never removes a file that is no socket", async () => {
  await writeFile(path("precious"), "data");
  await assert.rejects(listenAll([`unix://${path("precious")}`], makeServer, PLAIN), /no socket is in the way/);
  assert.equal(await readFile(path("precious"), "utf8"), "data");
});

test("listenAll: a taken port closes what was opened before it", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  await assert.rejects(
    listenAll([`unix://${path("first")}`, `tcp://127.0.0.1:${port}`], makeServer, PLAIN),
    /failed to listen: .*EADDRINUSE/,
  );
  other.close();
  await assert.rejects(stat(path("first")), { code: "ENOENT" });
});

function openssl(...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
}

function makeCertificate(name: string, ca?: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${name}.key`];
  const signer = ca === undefined ? [] : ["-CA", `${ca}.pem`, "-CAkey", `${ca}.key`];
  openssl(
    "req",
    "-x509",
    ...key,
    ...signer,
    "-out",
    `${name}.pem`,
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
    "-addext",
    "subjectAltName=IP:127.0.0.1",
  );
}

function ask(port: number, client: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, ca: readFileSync(path("ca.pem")), agent: false, ...client };
    httpsRequest(options, (response) => response.setEncoding("utf8").on("data", resolve))
      .on("error", reject)
      .end();
  });
}

test("listenAll: TLS lets in only clients that the CA signed", async () => {
  makeCertificate("ca");
  makeCertificate("server", "ca");
  makeCertificate("client", "ca");
  makeCertificate("stranger");
  const tls = {
    verifyClients: true,
    caFile: path("ca.pem"),
    certificateFile: path("server.pem"),
    keyFile: path("server.key"),
  };
  const [server] = await listenAll(["tcp://127.0.0.1:0"], makeServer, { ...PLAIN, tls });
  assert.ok(server !== undefined);
  const { port } = server.address() as AddressInfo;
  const identity = (name: string): object => ({
    cert: readFileSync(path(`${name}.pem`)),
    key: readFileSync(path(`${name}.key`)),
  });
  assert.equal(await ask(port, identity("client")), "OK");
  await assert.rejects(ask(port, {}));
  await assert.rejects(ask(port, identity("stranger")));
});

test("listenAll: names a TLS file that cannot be read, and refuses one that is none", async () => {
  const tls = {
    verifyClients: false,
    caFile: undefined,
    certificateFile: path("absent.pem"),
    keyFile: path("absent.key"),
  };
  await assert.rejects(listenAll(["tcp://127.0.0.1:0"], makeServer, { ...PLAIN, tls }), (error: unknown) => {
    assert.match((error as Error).message, /^invalid TLS configuration: could not read .*absent\.pem/);
    return isInvalidArgument(error);
  });
  await writeFile(path("bad.pem"), "no certificate");
  const bad = { ...tls, certificateFile: path("bad.pem"), keyFile: path("bad.pem") };
  await assert.rejects(
    listenAll(["tcp://127.0.0.1:0"], makeServer, { ...PLAIN, tls: bad }),
    /^EngineError: invalid TLS configuration/,
  );
});
