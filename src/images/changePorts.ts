import { invalidChange } from "./imageErrors.ts";

const PROTOCOLS: readonly string[] = ["tcp", "udp", "sctp"];
const MAX_PORT = 65_535;

/** `80`, `443/udp`, `8000-8010`, `1.2.3.4:80:80` → `80/tcp`, … @throws {invalid_argument} in the words of docker's nat package */
export function readPorts(spec: string): readonly string[] {
  const [address = "", protocol = "tcp"] = spec.split("/");
  const container = address.slice(address.lastIndexOf(":") + 1);
  if (container === "") throw invalidChange(`No port specified: ${spec}<empty>`);
  const proto = protocol.toLowerCase() || "tcp";
  const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(container) ?? [];
  const [start, end] = [Number(first), Number(last)];
  if (first === "" || end > MAX_PORT || start > end) throw invalidChange(`Invalid containerPort: ${container}`);
  if (!PROTOCOLS.includes(proto)) throw invalidChange(`Invalid proto: ${protocol}`);
  return Array.from({ length: end - start + 1 }, (_, offset) => `${start + offset}/${proto}`);
}
