import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { connectKeyAgent } from "./keyAgent.ts";
import { parseSshKey } from "./sshKey.ts";

const exec = promisify(execFile);

function makeKey(t: TestContext, ...args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "varve-ssh-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "key");
  execFileSync("ssh-keygen", ["-q", "-f", path, ...args]);
  return path;
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  ed25519: ["-t", "ed25519", "-N", ""],
  rsa: ["-t", "rsa", "-b", "2048", "-N", ""],
  "ecdsa on each curve: 256": ["-t", "ecdsa", "-b", "256", "-N", ""],
  "ecdsa on each curve: 384": ["-t", "ecdsa", "-b", "384", "-N", ""],
  "ecdsa on each curve: 521": ["-t", "ecdsa", "-b", "521", "-N", ""],
  "rsa as PEM": ["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"],
  "ecdsa as PKCS#8": ["-t", "ecdsa", "-N", "", "-m", "PKCS8"],
};

for (const [name, args] of Object.entries(KINDS)) {
  test(`ssh key: ${name}: OpenSSH sees it in the agent and takes its signatures`, async (t) => {
    const path = makeKey(t, ...args);
    const key = parseSshKey(readFileSync(path, "utf8"));
    const [, blob] = readFileSync(`${path}.pub`, "utf8").split(" ");
    assert.equal(key.blob.toString("base64"), blob);
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      const agent = connectKeyAgent([key]);
      agent.on("error", () => socket.destroy());
      socket.pipe(agent).pipe(socket);
    }).listen(`${path}.sock`);
    t.after(() => server.close());
    const env = { ...process.env, SSH_AUTH_SOCK: `${path}.sock` };
    assert.ok((await exec("ssh-add", ["-L"], { env })).stdout.includes(blob ?? "-"));
    // ssh-add -T signs something by the agent and checks it with the public key.
    await exec("ssh-add", ["-T", `${path}.pub`], { env });
  });
}

test("ssh key: what is none, or is protected, is told in Go's words", (t) => {
  assert.throws(() => parseSshKey("text\n"), { message: "ssh: no key found" });
  const path = makeKey(t, "-t", "ed25519", "-N", "secret");
  const isProtected = { message: "ssh: this private key is passphrase protected" };
  assert.throws(() => parseSshKey(readFileSync(path, "utf8")), isProtected);
  const pem = makeKey(t, "-t", "rsa", "-b", "2048", "-N", "secret", "-m", "PEM");
  assert.throws(() => parseSshKey(readFileSync(pem, "utf8")), isProtected);
});

test("ssh key: a request that is too large, or cut short, ends the connection", async () => {
  for (const bytes of [Buffer.from([0x7f, 0, 0, 0]), Buffer.from([0, 0, 0, 5, 13, 0, 0, 1, 0])]) {
    const agent = connectKeyAgent([]);
    const failed = new Promise((resolve) => agent.on("error", resolve));
    agent.write(bytes);
    assert.ok((await failed) instanceof Error);
  }
});
