import { Duplex } from "node:stream";
import { answerSshAgent } from "./sshKey.ts";
import type { SshKey } from "./sshKey.ts";
import { string } from "./sshWire.ts";

const LENGTH_BYTES = 4;
const MAX_REQUEST_BYTES = 256 << 10;

/** One connection to an agent that holds just these keys: requests in, answers out. */
export function connectKeyAgent(keys: readonly SshKey[]): Duplex {
  let waiting = Buffer.alloc(0);
  const agent = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      waiting = Buffer.concat([waiting, chunk]);
      try {
        while (waiting.length >= LENGTH_BYTES) {
          const length = waiting.readUInt32BE();
          if (length === 0 || length > MAX_REQUEST_BYTES) throw new Error("ssh agent: a request is too large");
          if (waiting.length < LENGTH_BYTES + length) break;
          agent.push(string(answerSshAgent(keys, waiting.subarray(LENGTH_BYTES, LENGTH_BYTES + length))));
          waiting = waiting.subarray(LENGTH_BYTES + length);
        }
        done();
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
    final: (done) => {
      agent.push(null);
      done();
    },
  });
  return agent;
}
