import assert from "node:assert/strict";
import { test } from "node:test";
import { networkError } from "./networkError.ts";

const failure = (fields: object): Error => Object.assign(new Error("node's words"), fields);
const at = { address: "10.0.0.1", port: 443 };

for (const [fields, message, isRetryable] of [
  [{ code: "ECONNREFUSED", ...at }, "dial tcp 10.0.0.1:443: connect: connection refused", false],
  [{ code: "ECONNREFUSED", address: "::1", port: 5 }, "dial tcp [::1]:5: connect: connection refused", false],
  [{ code: "EHOSTUNREACH", ...at }, "dial tcp 10.0.0.1:443: connect: no route to host", false],
  [{ code: "ENETUNREACH", ...at }, "dial tcp 10.0.0.1:443: connect: network is unreachable", false],
  [{ code: "ENOTFOUND" }, "dial tcp: lookup reg.example: no such host", false],
  [{ code: "EAI_AGAIN" }, "dial tcp: lookup reg.example: Temporary failure in name resolution", true],
  [{ code: "ETIMEDOUT", syscall: "connect", ...at }, "dial tcp 10.0.0.1:443: i/o timeout", true],
  [{ code: "ETIMEDOUT" }, "i/o timeout", true],
  [{ code: "ECONNRESET" }, "read: connection reset by peer", true],
  [{ code: "EPROTO" }, "http: server gave HTTP response to HTTPS client", false],
  [
    { code: "CERT_HAS_EXPIRED" },
    "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
    false,
  ],
  [
    { code: "ERR_TLS_CERT_ALTNAME_INVALID" },
    "tls: failed to verify certificate: x509: certificate is not valid for any names, but wanted to match reg.example",
    false,
  ],
  [{ code: "EWHATEVER" }, "node's words", false],
] as const) {
  test(`networkError: ${fields.code} in Go's words: ${message}`, () => {
    const error = networkError(failure(fields), { method: "GET", url: new URL("https://reg.example/v2/") });
    assert.equal(error.message, `Get "https://reg.example/v2/": ${message}`);
    assert.deepEqual([error.category, error.details?.["retryable"]], ["unavailable", isRetryable]);
  });
}

test("networkError: tells the first of many addresses, and no secret of the URL", () => {
  const url = new URL("https://u:p@reg.example/x?token=abc");
  const error = networkError(new AggregateError([failure({ code: "ECONNREFUSED", ...at })]), { method: "HEAD", url });
  assert.equal(
    error.message,
    'Head "https://reg.example/x?token=REDACTED": dial tcp 10.0.0.1:443: connect: connection refused',
  );
});
