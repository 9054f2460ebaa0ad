import { once } from "node:events";
import { rmSync } from "node:fs";
import { SOCKET } from "../../../src/host/constants.ts";
import { nativeFunction } from "../../../src/host/libc.ts";
import { openSocket } from "../../../src/host/nativeSocket.ts";
import { unixAddress } from "../../../src/host/packetSocket.ts";
import { checked } from "../../../src/host/syscallError.ts";

const socket = nativeFunction<[number, number, number]>("int socket(int, int, int)");
const bind = nativeFunction<[number, Buffer, number]>("int bind(int, const void*, uint32_t)");

/** A syslog or journal socket of a test: every datagram that came. */
export interface DatagramListener extends Disposable {
  readonly received: Buffer[];
  /** Resolves when so many have come. */
  wait(count: number): Promise<readonly Buffer[]>;
}

export function listenForDatagrams(path: string): DatagramListener {
  const fd = checked("socket", undefined, socket.call(SOCKET.AF_UNIX, SOCKET.DGRAM | SOCKET.CLOEXEC, 0));
  const address = unixAddress(path);
  checked("bind", path, bind.call(fd, address, address.byteLength));
  const stream = openSocket(fd);
  const received: Buffer[] = [];
  stream.on("data", (datagram: Buffer) => received.push(Buffer.from(datagram)));
  return {
    received,
    wait: async (count) => {
      while (received.length < count) await once(stream, "data");
      return received;
    },
    [Symbol.dispose]: () => {
      stream.destroy();
      rmSync(path, { force: true });
    },
  };
}
