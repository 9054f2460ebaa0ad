/** Errors in Docker's words. */
import { EngineError, ErrorCode } from "#errors";

/** Which endpoint a port was for: stands in front of every message. */
export interface EndpointName {
  readonly name: string;
  readonly id: string;
}

const failed = ({ name, id }: EndpointName, why: string, cause?: unknown): EngineError =>
  new EngineError(
    "internal",
    ErrorCode.PORT_IN_USE,
    `driver failed programming external connectivity on endpoint ${name} (${id}): ${why}`,
    { cause },
  );

/** Go's spelling of an address with a port. */
export function hostAndPort(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** Another container has it. */
export const portAllocated = (endpoint: EndpointName, ip: string, port: number): EngineError =>
  failed(endpoint, `Bind for ${hostAndPort(ip, port)} failed: port is already allocated`);

export const allPortsAllocated = (endpoint: EndpointName): EngineError => failed(endpoint, "all ports are allocated");

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  EACCES: "permission denied",
  EINVAL: "invalid argument",
};

/** The host refuses the socket: somebody else has the port, or there is no such address. */
export function listenFailed(
  endpoint: EndpointName,
  target: { readonly protocol: string; readonly ip: string; readonly port: number },
  cause: unknown,
): EngineError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const family = target.ip.includes(":") ? 6 : 4;
  const where = `listen ${target.protocol}${family} ${hostAndPort(target.ip, target.port)}`;
  return failed(endpoint, `Error starting userland proxy: ${where}: bind: ${REASONS[code] ?? code}`, cause);
}

export const protocolNotSupported = (endpoint: EndpointName): EngineError =>
  failed(endpoint, "Error starting userland proxy: protocol not supported");

export const invalidTransport = (endpoint: EndpointName, protocol: string): EngineError =>
  failed(endpoint, `invalid transport protocol: ${protocol}`);

/** A range must not begin with "any". */
export const invalidRange = (endpoint: EndpointName, to: number): EngineError =>
  failed(endpoint, `invalid port range: 0-${to}`);

export const invalidPort = (text: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid port specification: ${JSON.stringify(text)}`);
