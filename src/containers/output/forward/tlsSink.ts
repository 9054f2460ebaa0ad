import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { connect, createSecureContext, rootCertificates } from "node:tls";
import type { SecureContext } from "node:tls";
import { fromNodeError, isErrno } from "#host";
import { messageOf } from "#errors";
import { openStreamSink, portNumber } from "./logSink.ts";
import type { Dial, LogSink } from "./logSink.ts";
import type { SyslogTls } from "./syslogOptions.ts";

/** `open /x: no such file or directory` */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(messageOf(fromNodeError(error)), { cause: error });
  }
}

function readAuthorities(file: string): readonly string[] {
  try {
    return [...rootCertificates, read(file)];
  } catch (error) {
    throw new Error(`could not read CA certificate ${JSON.stringify(file)}: ${messageOf(error)}`, { cause: error });
  }
}

function secureContext({ caFile, certificateFile, keyFile }: SyslogTls): SecureContext {
  const authorities = caFile === "" ? {} : { ca: [...readAuthorities(caFile)] };
  if (certificateFile === "" && keyFile === "") return createSecureContext({ ...authorities, minVersion: "TLSv1.2" });
  try {
    const own = { cert: read(certificateFile), key: read(keyFile) };
    return createSecureContext({ ...authorities, ...own, minVersion: "TLSv1.2" });
  } catch (error) {
    throw new Error(`Could not load X509 key pair: ${messageOf(error)}`, { cause: error });
  }
}

/** What the peer shows is not what was asked for: Go's words for the commonest of them. */
const UNTRUSTED = [
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];

/** How connections to a receiver behind TLS are made. @throws when a file cannot be read */
export function tlsDial(host: string, port: string, tls: SyslogTls): Dial {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const target = { host, port: portNumber("tcp", port), ...name };
  const settings = { ...target, secureContext: secureContext(tls), rejectUnauthorized: tls.verify };
  return () => ({ socket: connect(settings), event: "secureConnect" });
}

/**
 * A syslog daemon behind TLS. The files are read once: what changes in them counts for the next start.
 * @throws in dockerd's words when a file cannot be read, nobody is there, or who is there is not trusted
 */
export async function openTlsSink(host: string, port: string, tls: SyslogTls): Promise<LogSink> {
  const dial = tlsDial(host, port, tls);
  try {
    return await openStreamSink(host, port, dial);
  } catch (error) {
    if (!UNTRUSTED.some((code) => isCausedBy(error, code))) throw error;
    const why = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    throw new Error(why, { cause: error });
  }
}

const isCausedBy = (error: unknown, code: string): boolean =>
  error instanceof Error && isErrno(error.cause ?? error, code);
