import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AgentPool } from "./agentPool.ts";
import { DEFAULT_TIMEOUTS } from "./timeouts.ts";
import { TlsFiles } from "./tlsFiles.ts";
import { Transport } from "./transport.ts";
import { appOn, manifestBytes, startServer, testClient } from "./testing/scriptedServer.ts";

const RAW = manifestBytes();
const folder = mkdtempSync(join(tmpdir(), "varve-tls-"));
after(() => rmSync(folder, { recursive: true }));

/** A self-signed certificate for 127.0.0.1, made by openssl. */
function certificate(name: string): { readonly cert: Buffer; readonly key: Buffer } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, "-days", "2", ...subject], {
    stdio: "ignore",
  });
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

const SERVER = certificate("server");
const CLIENT = certificate("client");

test("tls: a self-signed registry on loopback is spoken to, because loopback is insecure", async () => {
  await using server = await startServer((_, response) => void response.end(RAW), { tls: SERVER });
  await using client = testClient();
  await client.repository(appOn(server)).resolve(appOn(server));
  assert.equal(server.seen.length, 1);
});

test("tls: an unknown certificate is refused where the host is not insecure, and taken with its root in certs.d", async () => {
  await using server = await startServer((_, response) => void response.end("hello"), { tls: SERVER });
  const get = async (certsDirectory: string): Promise<number> => {
    const agents = new AgentPool(new TlsFiles(certsDirectory));
    const transport = new Transport(agents, { timeouts: DEFAULT_TIMEOUTS, userAgent: "varve-test/1" });
    try {
      const response = await transport.send({
        method: "GET",
        url: new URL(server.url),
        headers: {},
        isInsecure: false,
      });
      response.close();
      return response.status;
    } finally {
      await agents.close();
    }
  };
  await assert.rejects(get("/nonexistent"), {
    category: "unavailable",
    message: `Get "${server.url}/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  });
  const certsDirectory = join(folder, "roots");
  mkdirSync(join(certsDirectory, server.host), { recursive: true });
  writeFileSync(join(certsDirectory, server.host, "ca.crt"), SERVER.cert);
  assert.equal(await get(certsDirectory), 200);
});

test("tls: the client certificate of certs.d is shown", async () => {
  await using server = await startServer((_, response) => void response.end(RAW), {
    tls: { ...SERVER, requestCert: true, rejectUnauthorized: true, ca: CLIENT.cert },
  });
  const certsDirectory = join(folder, "certs.d");
  const own = join(certsDirectory, server.host);
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "client.cert"), CLIENT.cert);
  writeFileSync(join(own, "client.key"), CLIENT.key);
  await using client = testClient({ certsDirectory });
  await client.repository(appOn(server)).resolve(appOn(server));
  assert.equal(server.seen.length, 1);
});

test("tls: a redirect from https to http is refused", async () => {
  await using plain = await startServer((_, response) => void response.end(RAW));
  await using server = await startServer(
    (_, response) => void response.writeHead(307, { location: `${plain.url}/x` }).end(),
    { tls: SERVER },
  );
  await using client = testClient();
  await assert.rejects(client.repository(appOn(server)).resolve(appOn(server)), {
    message: new RegExp(`redirect to "${plain.url}/x" refused: not https$`),
  });
  assert.equal(plain.seen.length, 0);
});

test("tls: credentials do not go to a token server over http when the registry is https", async () => {
  await using tokens = await startServer((_, response) => void response.end('{"token":"t"}'));
  await using server = await startServer(
    (_, response) => void response.writeHead(401, { "www-authenticate": `Bearer realm="${tokens.url}/t"` }).end(),
    { tls: SERVER, answersPing: false },
  );
  await using client = testClient();
  const repository = client.repository(appOn(server), { credentials: { username: "a", password: "b" } });
  await assert.rejects(repository.resolve(appOn(server)), { message: /invalid token server .*: not https$/ });
  assert.equal(tokens.seen.length, 0);
});
