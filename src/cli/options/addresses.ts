import { isIPv4, isIPv6 } from "node:net";
import { goQuote } from "#gotext";

const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/;

/** The address as Go's net.IP prints it; undefined for what is none. */
export function canonicalIp(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const short = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [, high = "", low = ""] = MAPPED.exec(short) ?? [];
  if (high === "") return short;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/** `--dns`: an address in canonical form. */
export function checkDns(text: string): string {
  const address = canonicalIp(text.trim());
  if (address === undefined) throw new Error(`IP address is not correctly formatted: ${text}`);
  return address;
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

const DOMAIN =
  /^:?(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?=\.?\s*$)/;
const DOMAIN_BYTES = 255;

/** `--dns-search`: a domain without its last dot; `.` alone stands for none. */
export function checkDnsSearch(text: string): string {
  const domain = text.replace(/^ +| +$/g, "");
  if (domain === ".") return domain;
  const found = /[a-zA-Z]/.test(domain) ? DOMAIN.exec(domain)?.[0] : undefined;
  if (found === undefined || found.length >= DOMAIN_BYTES) throw new Error(`${domain} is not a valid domain`);
  return found;
}

/** `--add-host name:ip`, `name=ip`, `name=[ip6]` → `name:ip`. */
export function checkExtraHost(text: string): string {
  const separator = text.includes("=") ? "=" : ":";
  const at = text.indexOf(separator);
  const name = text.slice(0, Math.max(at, 0));
  if (at < 0 || name === "" || name.includes(":")) throw new Error(`bad format for add-host: ${goQuote(text)}`);
  const written = text.slice(at + 1);
  const address = /^\[(.+)\]$/.exec(written)?.[1] ?? written;
  if (address !== "host-gateway" && canonicalIp(address.trim()) === undefined) {
    throw new Error(`invalid IP address in add-host: ${goQuote(address)}`);
  }
  return `${name}:${address}`;
}

const MAC_FORMS = [/^[\da-f]{2}(?<mark>[:-])(?:[\da-f]{2}\k<mark>)*[\da-f]{2}$/i, /^[\da-f]{4}(?:\.[\da-f]{4})+$/i];
const MAC_BYTES = [6, 8, 20];

/** Whether Go's net.ParseMAC takes it: 6, 8 or 20 bytes. */
export function isMacAddress(text: string): boolean {
  const address = text.trim();
  const digits = address.replace(/[:.-]/g, "").length;
  return MAC_FORMS.some((form) => form.test(address)) && MAC_BYTES.includes(digits / 2);
}

/** `--link container[:alias]`. */
export function checkLink(text: string): string {
  if (text === "") throw new Error("empty string specified for links");
  if (text.split(":").length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}
