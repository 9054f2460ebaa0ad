import { execFileSync } from "node:child_process";
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

/** Gives tokens for docker-registry. */
export interface TokenServer extends AsyncDisposable {
  /** What was asked for, one entry a request. */
  readonly scopes: (readonly string[])[];
  /** The `auth` section of docker-registry's configuration. */
  readonly auth: () => string;
  /** One of alice's for these scopes. */
  readonly token: (...scopes: readonly string[]) => Promise<string>;
}

const ALICE = `Basic ${Buffer.from("alice:secret").toString("base64")}`;

/** By GET or OAuth2's POST. Signs tokens as docker-registry wants them (ES256, certificate in `x5c`): everything for alice, nothing for others. */
export async function startTokenServer(): Promise<TokenServer> {
  const folder = mkdtempSync(join(tmpdir(), "varve-token-"));
  const [cert, key] = [join(folder, "token.crt"), join(folder, "token.key")];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const out = ["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=issuer"];
  execFileSync("openssl", ["req", "-x509", ...curve, ...out], { stdio: "ignore" });
  const x5c = [new X509Certificate(readFileSync(cert)).raw.toString("base64")];
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const scopes: (readonly string[])[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse, form: URLSearchParams): void => {
    const query = new URL(request.url ?? "", "http://h").searchParams;
    const asked = [...query.getAll("scope"), ...form.getAll("scope").flatMap((list) => list.split(" "))];
    scopes.push(asked);
    const isAlice =
      (form.get("username") === "alice" && form.get("password") === "secret") ||
      request.headers.authorization === ALICE;
    const access = asked.map((scope) => {
      const [type, name, actions] = scope.split(":");
      return { type, name, actions: isAlice ? actions?.split(",") : [] };
    });
    const now = Math.floor(Date.now() / 1000);
    const times = { exp: now + 300, nbf: now - 10, iat: now };
    const claims = { iss: "issuer", sub: "alice", aud: "reg", jti: String(scopes.length), ...times, access };
    const payload = `${encode({ typ: "JWT", alg: "ES256", x5c })}.${encode(claims)}`;
    const signer = { key: createPrivateKey(readFileSync(key)), dsaEncoding: "ieee-p1363" } as const;
    const signature = sign("sha256", Buffer.from(payload), signer).toString("base64url");
    const token = `${payload}.${signature}`;
    response.end(JSON.stringify({ [request.method === "POST" ? "access_token" : "token"]: token, expires_in: 300 }));
  };
  const server = createServer((request, response) => {
    void text(request).then((body) => answer(request, response, new URLSearchParams(body)));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const fields = { realm: `http://127.0.0.1:${port}/token`, service: "reg", issuer: "issuer", rootcertbundle: cert };
  const lines = Object.entries(fields).map(([name, value]) => `    ${name}: ${value}\n`);
  return {
    scopes,
    token: async (...wanted) => {
      const url = new URL(fields.realm);
      for (const scope of wanted) url.searchParams.append("scope", scope);
      const answer: unknown = await (await fetch(url, { headers: { Authorization: ALICE } })).json();
      return String(Reflect.get(Object(answer), "token"));
    },
    auth: () => `auth:\n  token:\n${lines.join("")}`,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}
