import { hostname } from "node:os";
import { messageOf } from "#errors";
import type { ContainerDocument } from "../../document.ts";
import { driverFailed } from "../logError.ts";
import { chunksOf, compressMessage, gelfFields, gelfMessage } from "./gelfMessage.ts";
import { parseGelfOptions } from "./gelfOptions.ts";
import type { GelfOptions } from "./gelfOptions.ts";
import { openTcpSink, openUdpSink } from "./logSink.ts";
import type { LogReceiver, LogSink } from "./logSink.ts";
import { patientSink } from "./patientSink.ts";

/** A GELF server, Graylog's say. @throws in dockerd's words when it is not there */
export async function openGelf(document: ContainerDocument, tag: string): Promise<LogReceiver> {
  const options = parseGelfOptions(document.hostConfig.LogConfig.Config);
  const fields = gelfFields(document, tag);
  const host = hostname();
  let sink: LogSink;
  try {
    sink = await openAt(options);
  } catch (error) {
    const shown = `${options.host}:${options.port}`;
    throw driverFailed(`gelf: cannot connect to GELF endpoint: ${shown} ${messageOf(error)}`);
  }
  const end = Buffer.from([0]);
  return {
    sink,
    encode: (line) => {
      if (line.text.length === 0) return undefined;
      const message = gelfMessage(host, fields, line, new Date());
      return options.scheme === "tcp" ? Buffer.concat([message, end]) : compressMessage(message, options);
    },
  };
}

async function openAt({ scheme, host, port, patienceMs }: GelfOptions): Promise<LogSink> {
  if (scheme === "tcp") return patientSink(await openTcpSink(host, port), patienceMs);
  const inner = await openUdpSink(host, port);
  return {
    send: async (message) => {
      const chunks = chunksOf(message);
      for (const chunk of chunks) if (!(await inner.send(chunk))) return false;
      return chunks.length > 0;
    },
    [Symbol.dispose]: () => inner[Symbol.dispose](),
  };
}
