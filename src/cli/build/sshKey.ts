import { createPrivateKey, sign } from "node:crypto";
import type { KeyObject, webcrypto } from "node:crypto";
import { mpint, SshReader, string, unsigned } from "./sshWire.ts";

/** A key as an agent holds it. @see RFC 4253 section 6.6, RFC 5656, RFC 8332, RFC 8709 */
export interface SshKey {
  /** Public half, as the protocol writes it. */
  readonly blob: Buffer;
  /** Signature with its algorithm's name. `flags` of the request: 2 and 4 choose RSA's hash. */
  sign(data: Uint8Array, flags: number): Buffer;
}

type Jwk = webcrypto.JsonWebKey;

const OPENSSH = /^-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*$/;
const MAGIC = "openssh-key-v1\0";
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;
const SEED_BYTES = 32;
const UNCOMPRESSED = 4;

interface Curve {
  readonly jwk: string;
  readonly hash: string;
  readonly bytes: number;
}

const CURVES: ReadonlyMap<string, Curve> = new Map([
  ["nistp256", { jwk: "P-256", hash: "sha256", bytes: 32 }],
  ["nistp384", { jwk: "P-384", hash: "sha384", bytes: 48 }],
  ["nistp521", { jwk: "P-521", hash: "sha512", bytes: 66 }],
]);

/** A private key file: OpenSSH's own format, or PEM. @throws {Error} in the words of Go's ssh package */
export function parseSshKey(text: string): SshKey {
  const own = OPENSSH.exec(text)?.[1];
  if (own !== undefined) return keyOf(createPrivateKey({ key: openSshJwk(Buffer.from(own, "base64")), format: "jwk" }));
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(text)) throw new Error("ssh: no key found");
  if (/ENCRYPTED/.test(text)) throw isProtected();
  return keyOf(createPrivateKey(text));
}

function isProtected(): Error {
  return new Error("ssh: this private key is passphrase protected");
}

function openSshJwk(bytes: Buffer): Jwk {
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) throw new Error("ssh: invalid openssh private key format");
  const outer = new SshReader(bytes.subarray(MAGIC.length));
  const cipher = outer.string().toString();
  outer.string();
  outer.string();
  if (cipher !== "none") throw isProtected();
  if (outer.unsigned() !== 1) throw new Error("ssh: multi-key files are not supported");
  outer.string();
  const inner = new SshReader(outer.string());
  if (inner.unsigned() !== inner.unsigned()) throw new Error("ssh: malformed OpenSSH key");
  return jwkOf(inner);
}

function jwkOf(inner: SshReader): Jwk {
  const type = inner.string().toString();
  if (type === "ssh-ed25519") {
    const x = inner.string().toString("base64url");
    return { kty: "OKP", crv: "Ed25519", x, d: inner.string().subarray(0, SEED_BYTES).toString("base64url") };
  }
  if (type === "ssh-rsa") return rsaJwk(inner);
  const curve = CURVES.get(type.replace("ecdsa-sha2-", ""));
  if (curve === undefined) throw new Error("ssh: unhandled key type");
  inner.string();
  const point = inner.string().subarray(1);
  const d = fixed(inner.string(), curve.bytes).toString("base64url");
  const [x, y] = [point.subarray(0, curve.bytes), point.subarray(curve.bytes)].map((part) =>
    part.toString("base64url"),
  );
  return { kty: "EC", crv: curve.jwk, d, x: x ?? "", y: y ?? "" };
}

function rsaJwk(inner: SshReader): Jwk {
  const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => numberOf(inner.string()));
  if (n === undefined || e === undefined || d === undefined || qi === undefined || p === undefined || q === undefined)
    throw new Error("ssh: malformed OpenSSH key");
  const [dp, dq] = [d % (p - 1n), d % (q - 1n)];
  return {
    kty: "RSA",
    ...Object.fromEntries(Object.entries({ n, e, d, p, q, dp, dq, qi }).map(([name, value]) => [name, encode(value)])),
  };
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.length === 0 ? "0" : bytes.toString("hex")}`);
}

function encode(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex").toString("base64url");
}

/** Without its leading zeros, or with as many as it lacks. */
function fixed(bytes: Buffer, length: number): Buffer {
  const short = bytes.subarray(Math.max(0, bytes.length - length));
  return Buffer.concat([Buffer.alloc(length - short.length), short]);
}

const bytesOf = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64url");

function keyOf(key: KeyObject): SshKey {
  const jwk = key.export({ format: "jwk" });
  if (jwk.kty === "RSA") {
    const blob = Buffer.concat([string("ssh-rsa"), mpint(bytesOf(jwk.e)), mpint(bytesOf(jwk.n))]);
    return { blob, sign: (data, flags) => signRsa(key, data, flags) };
  }
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const named = string("ssh-ed25519");
    const blob = Buffer.concat([named, string(bytesOf(jwk.x))]);
    return { blob, sign: (data) => Buffer.concat([named, string(sign(null, data, key))]) };
  }
  const found = [...CURVES].find(([, curve]) => jwk.kty === "EC" && curve.jwk === jwk.crv);
  if (found === undefined) throw new Error("ssh: unhandled key type");
  return ecdsa(key, { name: found[0], curve: found[1], jwk });
}

function signRsa(key: KeyObject, data: Uint8Array, flags: number): Buffer {
  const name =
    (flags & RSA_SHA2_512) !== 0 ? "rsa-sha2-512" : (flags & RSA_SHA2_256) !== 0 ? "rsa-sha2-256" : "ssh-rsa";
  const hash = { "rsa-sha2-512": "sha512", "rsa-sha2-256": "sha256", "ssh-rsa": "sha1" }[name];
  return Buffer.concat([string(name), string(sign(hash, data, key))]);
}

function ecdsa(
  key: KeyObject,
  { name, curve, jwk }: { readonly name: string; readonly curve: Curve; readonly jwk: Jwk },
): SshKey {
  const named = string(`ecdsa-sha2-${name}`);
  const point = Buffer.concat([Buffer.of(UNCOMPRESSED), bytesOf(jwk.x), bytesOf(jwk.y)]);
  return {
    blob: Buffer.concat([named, string(name), string(point)]),
    sign: (data) => {
      const pair = sign(curve.hash, data, { key, dsaEncoding: "ieee-p1363" });
      const numbers = [pair.subarray(0, curve.bytes), pair.subarray(curve.bytes)].map(mpint);
      return Buffer.concat([named, string(Buffer.concat(numbers))]);
    },
  };
}

/** The whole list of what an agent holds, and what it signs. @see draft-ietf-sshm-ssh-agent */
export function answerSshAgent(keys: readonly SshKey[], request: Buffer): Buffer {
  const reader = new SshReader(request.subarray(1));
  if (request[0] === 11) {
    return Buffer.concat([
      Buffer.of(12),
      unsigned(keys.length),
      ...keys.flatMap(({ blob }) => [string(blob), string("")]),
    ]);
  }
  if (request[0] !== 13) return Buffer.of(5);
  const blob = reader.string();
  const data = reader.string();
  const key = keys.find((one) => one.blob.equals(blob));
  return key === undefined ? Buffer.of(5) : Buffer.concat([Buffer.of(14), string(key.sign(data, reader.unsigned()))]);
}
