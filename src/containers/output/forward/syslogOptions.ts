import { EngineError, ErrorCode } from "#errors";

/** `local`: whatever syslog socket the host has. */
export type SyslogAddress =
  | { readonly scheme: "local" }
  | { readonly scheme: "unix" | "unixgram"; readonly path: string }
  | { readonly scheme: "udp" | "tcp" | "tcp+tls"; readonly host: string; readonly port: string };

/** `rfc3164` has a host name, dockerd's default has none. */
export type SyslogFormat = "unix" | "rfc3164" | "rfc5424" | "rfc5424micro";

export interface SyslogOptions {
  readonly address: SyslogAddress;
  /** 0 to 23. */
  readonly facility: number;
  readonly format: SyslogFormat;
  /** How a TLS connection is made; of no use to others. */
  readonly tls: SyslogTls;
}

/** Files of PEM; empty: none. */
export interface SyslogTls {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly verify: boolean;
}

/** In the order of their numbers; RFC 5424 knows more between `ftp` and `local0` that have no name here. */
const FACILITIES = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split(" ");
const LOCAL0 = 16;
const DAEMON = 3;
const DEFAULT_PORT = "514";
const FORMATS: readonly SyslogFormat[] = ["rfc3164", "rfc5424", "rfc5424micro"];

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** @throws {invalid_argument} in dockerd's words */
export function parseSyslogOptions(options: Readonly<Record<string, string>>): SyslogOptions {
  return {
    address: parseAddress(options["syslog-address"] ?? ""),
    facility: parseFacility(options["syslog-facility"] ?? ""),
    format: parseFormat(options["syslog-format"] ?? ""),
    tls: {
      caFile: options["syslog-tls-ca-cert"] ?? "",
      certificateFile: options["syslog-tls-cert"] ?? "",
      keyFile: options["syslog-tls-key"] ?? "",
      // Whatever its value is, as in Docker.
      verify: options["syslog-tls-skip-verify"] === undefined,
    },
  };
}

function parseAddress(text: string): SyslogAddress {
  if (text === "") return { scheme: "local" };
  const [, scheme = "", rest = ""] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme === "unix" || scheme === "unixgram") return { scheme, path: rest.replace(/^[^/]*/, "") };
  if (scheme !== "udp" && scheme !== "tcp" && scheme !== "tcp+tls") throw invalid(`unsupported scheme: '${scheme}'`);
  const authority = rest.replace(/[/?#].*$/, "");
  if (/^\[[^\]]*$/.test(authority)) throw invalid(`parse ${JSON.stringify(text)}: missing ']' in host`);
  const [, literal, name = "", port = ""] = /^(?:\[(.*)\]|([^:]*))(?::(.*))?$/.exec(authority) ?? [];
  return { scheme, host: (literal ?? name) || "localhost", port: port || DEFAULT_PORT };
}

function parseFacility(text: string): number {
  if (text === "") return DAEMON;
  const named = FACILITIES.indexOf(text);
  if (named >= 0) return named;
  const [, local] = /^local([0-7])$/.exec(text) ?? [];
  if (local !== undefined) return LOCAL0 + Number(local);
  if (/^[-+]?\d+$/.test(text) && Number(text) >= 0 && Number(text) <= 23) return Number(text);
  throw invalid("invalid syslog facility");
}

function parseFormat(text: string): SyslogFormat {
  if (text === "") return "unix";
  const format = FORMATS.find((known) => known === text);
  if (format === undefined) throw invalid("Invalid syslog format");
  return format;
}
