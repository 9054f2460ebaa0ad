import { messageOf } from "#errors";
import type { ContainerDocument } from "../../document.ts";
import { driverFailed } from "../logError.ts";
import { fluentFields, fluentMessage } from "./fluentMessage.ts";
import { parseFluentOptions } from "./fluentOptions.ts";
import type { FluentAddress } from "./fluentOptions.ts";
import { lazySink, openStreamSink, openUnixSink, plainly, portNumber } from "./logSink.ts";
import type { Dial, LogReceiver, LogSink } from "./logSink.ts";
import { BufferedSink, patientSink } from "./patientSink.ts";
import { tlsDial } from "./tlsSink.ts";

const TLS = { caFile: "", certificateFile: "", keyFile: "", verify: true } as const;
/** A receipt that does not come for so long: the line is sent again. */
const RECEIPT_MS = 5000;

/** A fluentd, or who else speaks its forward protocol. @throws in dockerd's words when it is not there */
export async function openFluent(document: ContainerDocument, tag: string): Promise<LogReceiver> {
  const options = parseFluentOptions(document.hostConfig.LogConfig.Config);
  const { address, subSecond, acknowledged, patienceMs, bufferedLines } = options;
  const source = { tag, fields: fluentFields(document), subSecond, acknowledged, id: document.id };
  const chunks = new WeakMap<Buffer, string>();
  const receipts = new Receipts();
  let sink: LogSink;
  try {
    const inner = await connect(address, receipts.heardBy(dialOf(address)), options.async);
    sink = acknowledged ? receipts.wanted(inner, chunks) : inner;
  } catch (error) {
    throw driverFailed(messageOf(error));
  }
  return {
    sink: options.async ? new BufferedSink(sink, bufferedLines) : patientSink(sink, patienceMs),
    encode: (line) => {
      const { bytes, chunk } = fluentMessage(source, line, Date.now());
      if (chunk !== undefined) chunks.set(bytes, chunk);
      return bytes;
    },
  };
}

function dialOf(address: FluentAddress): Dial {
  if (address.scheme === "unix") return plainly({ path: address.path });
  const { host, port } = address;
  return address.scheme === "tls" ? tlsDial(host, port, TLS) : plainly({ host, port: portNumber("tcp", port) });
}

/** Somebody must be there before the container starts, unless it is told not to wait. */
async function connect(address: FluentAddress, dial: Dial, isAsync: boolean): Promise<LogSink> {
  if (isAsync) return lazySink(dial);
  if (address.scheme !== "unix") return openStreamSink(address.host, address.port, dial);
  (await openUnixSink("unix", address.path))[Symbol.dispose]();
  return lazySink(dial);
}

/** What a receiver says of the lines that it has: `{"ack": chunk}`. */
class Receipts {
  #heard = "";
  #told: (() => void) | undefined;

  heardBy(dial: Dial): Dial {
    return () => {
      const dialled = dial();
      this.#heard = "";
      dialled.socket.on("data", (bytes: Buffer) => {
        this.#heard = (this.#heard + bytes.toString("latin1")).slice(-1024);
        this.#told?.();
      });
      return dialled;
    };
  }

  /** True when the receipt has come. */
  #receipt(chunk: string): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (has: boolean): void => {
        clearTimeout(timer);
        this.#told = undefined;
        resolve(has);
      };
      const timer = setTimeout(() => settle(false), RECEIPT_MS).unref();
      this.#told = () => {
        if (this.#heard.includes(chunk)) settle(true);
      };
      this.#told();
    });
  }

  wanted(inner: LogSink, chunks: WeakMap<Buffer, string>): LogSink {
    return {
      send: async (message) => {
        const chunk = chunks.get(message) ?? "";
        const receipt = this.#receipt(chunk);
        return (await inner.send(message)) && receipt;
      },
      [Symbol.dispose]: () => inner[Symbol.dispose](),
    };
  }
}
