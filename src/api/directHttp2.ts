import type { Server } from "node:http";
import type { Duplex } from "node:stream";

/** How a client begins that knows beforehand that we speak HTTP/2. @see RFC 9113 3.4 */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const PREFACE_SEEN = "HPE_PAUSED_H2_UPGRADE";

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

interface ParseError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** As Node answers where nobody listens to its parser's errors. */
function refuse(error: ParseError, socket: Duplex): void {
  if (socket.writable && error.code !== "ECONNRESET")
    socket.write(`HTTP/1.1 ${STATUS[error.code ?? ""] ?? "400 Bad Request"}\r\nConnection: close\r\n\r\n`);
  socket.destroy(error);
}

/** Takes the connection from the HTTP/1.1 parser, as it was before the parser read from it. */
function takeOver(error: ParseError, socket: Duplex): void {
  const giveBack = (): void => undefined;
  socket.removeAllListeners("data").removeAllListeners("end");
  // Adding a listener makes the parser let go of the handle that it reads by itself.
  socket.on("data", giveBack).off("data", giveBack);
  socket.pause();
  const rest = error.rawPacket?.subarray(error.bytesParsed ?? 0) ?? Buffer.alloc(0);
  socket.unshift(Buffer.concat([PREFACE, rest]));
}

/**
 * Gives connections that begin with HTTP/2's preface to `serve`. Node's parser stops there with an error of its own, so
 * that no other connection pays for looking.
 */
export function acceptDirectHttp2(server: Server, serve: (socket: Duplex) => void): void {
  /** The parser of such a connection still believes that a request is on its way, and that it is late. */
  const taken = new WeakSet<Duplex>();
  server.on("clientError", (error: ParseError, socket: Duplex) => {
    if (taken.has(socket)) return;
    if (error.code !== PREFACE_SEEN) {
      refuse(error, socket);
      return;
    }
    taken.add(socket);
    takeOver(error, socket);
    serve(socket);
  });
}
