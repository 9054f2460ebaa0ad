import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { EngineError, ErrorCode, messageOf } from "#errors";
import type { ContainerDocument } from "../../document.ts";
import { expandTag, namedAttributes } from "../logAttributes.ts";
import { driverFailed } from "../logError.ts";
import { openFluent } from "./openFluent.ts";
import { openGelf } from "./openGelf.ts";
import { encodeJournalEntry, journalFieldName } from "./journalEntry.ts";
import type { OutputLine } from "./lineSplitter.ts";
import { openFirstUnixSink, openTcpSink, openUdpSink, openUnixSink } from "./logSink.ts";
import type { LogReceiver, LogSink } from "./logSink.ts";
import { openTlsSink } from "./tlsSink.ts";
import { syslogMessage } from "./syslogMessage.ts";
import { parseSyslogOptions } from "./syslogOptions.ts";
import type { SyslogAddress, SyslogOptions, SyslogTls } from "./syslogOptions.ts";

const SYSLOG_SOCKETS: readonly string[] = ["/dev/log", "/var/run/syslog", "/var/run/log"];
const DEFAULT_TAG = "{{.ID}}";
const SHORT_ID = 12;
const PRIORITY = { stdout: "6", stderr: "3" } as const;

/** The receiver of a driver that forwards. @throws in dockerd's words when it is not there */
export function openReceiver(document: ContainerDocument, journalSocket: string): Promise<LogReceiver> {
  switch (document.hostConfig.LogConfig.Type) {
    case "journald":
      return openJournal(document, journalSocket);
    case "gelf":
      return openGelf(document, tagOf(document));
    case "fluentd":
      return openFluent(document, tagOf(document));
    default:
      return openSyslog(document);
  }
}

function tagOf(document: ContainerDocument): string {
  return expandTag(document.hostConfig.LogConfig.Config["tag"] || DEFAULT_TAG, document);
}

async function openSyslog(document: ContainerDocument): Promise<LogReceiver> {
  const options = parseSyslogOptions(document.hostConfig.LogConfig.Config);
  const { address, facility, format } = options;
  const source = { format, facility, hostname: hostname(), tag: tagOf(document), pid: process.pid };
  const sink = await openSyslogSink(options);
  const framed = address.scheme === "tcp+tls" && format.startsWith("rfc5424");
  const encode = (line: OutputLine): Buffer | undefined => {
    if (line.text.length === 0) return undefined;
    const message = syslogMessage(source, line, new Date());
    return framed ? withLength(message) : message;
  };
  return { sink, encode };
}

/** RFC 5425, section 4.3: how long a message is stands before it. */
function withLength(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}

async function openSyslogSink({ address, tls }: SyslogOptions): Promise<LogSink> {
  if ("path" in address && !existsSync(address.path)) throw missing(address.path);
  try {
    const sink = await openAt(address, tls);
    if (sink !== undefined) return sink;
  } catch (error) {
    throw driverFailed(messageOf(error));
  }
  throw driverFailed("Unix syslog delivery error");
}

/** dockerd takes it for a program that is not there: without its prefix, and with exit code 127. */
function missing(path: string): EngineError {
  const message = `stat ${path}: no such file or directory`;
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { details: { errno: "ENOENT", path } });
}

function openAt(address: SyslogAddress, tls: SyslogTls): Promise<LogSink | undefined> {
  switch (address.scheme) {
    case "local":
      return openFirstUnixSink(SYSLOG_SOCKETS);
    case "udp":
      return openUdpSink(address.host, address.port);
    case "tcp":
      return openTcpSink(address.host, address.port);
    case "tcp+tls":
      return openTlsSink(address.host, address.port, tls);
    case "unix":
    case "unixgram":
      return openUnixSink(address.scheme, address.path);
  }
}

async function openJournal(document: ContainerDocument, path: string): Promise<LogReceiver> {
  const tag = tagOf(document);
  const fixed: readonly (readonly [string, string])[] = [
    ["CONTAINER_ID", document.id.slice(0, SHORT_ID)],
    ["CONTAINER_ID_FULL", document.id],
    ["CONTAINER_NAME", document.name],
    ["CONTAINER_TAG", tag],
    ["IMAGE_NAME", document.config.Image],
    ["SYSLOG_IDENTIFIER", tag],
    ["CONTAINER_LOG_EPOCH", randomUUID().replaceAll("-", "")],
    ...namedAttributes(document).map(([name, value]) => [journalFieldName(name), value] as const),
  ];
  const sink = await openUnixSink("unixgram", path).catch(() => {
    throw driverFailed("journald is not enabled on this host");
  });
  let ordinal = 0;
  const encode = ({ stream, text, partial }: OutputLine): Buffer => {
    ordinal += 1;
    return encodeJournalEntry([
      ["PRIORITY", PRIORITY[stream]],
      ["MESSAGE", text],
      ...new Map([
        ...fixed,
        ["SYSLOG_TIMESTAMP", new Date().toISOString()],
        ["CONTAINER_LOG_ORDINAL", String(ordinal)],
        ...partialFields(document, partial),
      ]),
    ]);
  };
  return { sink, encode };
}

function partialFields(
  { id }: ContainerDocument,
  partial: OutputLine["partial"],
): readonly (readonly [string, string])[] {
  if (partial === undefined) return [];
  return [
    ["CONTAINER_PARTIAL_ID", `${id.slice(0, SHORT_ID)}-${partial.id}`],
    ["CONTAINER_PARTIAL_ORDINAL", String(partial.ordinal)],
    ["CONTAINER_PARTIAL_LAST", String(partial.last)],
    ...(partial.last ? [] : [["CONTAINER_PARTIAL_MESSAGE", "true"] as const]),
  ];
}
