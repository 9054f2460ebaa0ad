import type { PortProtocol, PortRange } from "./portRequests.ts";

/**
 * Which host ports the containers of this daemon have. Docker keeps one list for each address as it was written: a port at
 * 0.0.0.0 and the same one at 127.0.0.1 only meet when the sockets are bound.
 */
export class PortAllocator {
  readonly #taken = new Map<string, Set<number>>();
  readonly #dynamic: PortRange;
  #next: number;

  constructor(dynamic: PortRange) {
    this.#dynamic = dynamic;
    this.#next = dynamic.from;
  }

  isFree(protocol: PortProtocol, ips: readonly string[], port: number): boolean {
    return ips.every((ip) => this.#taken.get(`${protocol} ${ip}`)?.has(port) !== true);
  }

  take(protocol: PortProtocol, ips: readonly string[], port: number): void {
    for (const ip of ips) {
      const key = `${protocol} ${ip}`;
      const ports = this.#taken.get(key) ?? new Set();
      ports.add(port);
      this.#taken.set(key, ports);
    }
  }

  release(protocol: PortProtocol, ips: readonly string[], port: number): void {
    for (const ip of ips) {
      const key = `${protocol} ${ip}`;
      const ports = this.#taken.get(key);
      ports?.delete(port);
      if (ports?.size === 0) this.#taken.delete(key);
    }
  }

  /** Candidates of the ephemeral range, each once, from behind the last one given: a port just released rests a while. */
  *dynamicPorts(): Generator<number, void, undefined> {
    const { from, to } = this.#dynamic;
    for (let left = to - from + 1; left > 0; left -= 1) {
      const port = this.#next;
      this.#next = port >= to ? from : port + 1;
      yield port;
    }
  }
}
