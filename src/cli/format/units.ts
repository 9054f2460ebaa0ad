import { generalNumber } from "../template/goFormat.ts";

const DECIMAL = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

function scaled(size: number, base: number, names: readonly string[], digits: number): string {
  let value = size;
  let unit = 0;
  while (value >= base && unit < names.length - 1) {
    value /= base;
    unit += 1;
  }
  return `${generalNumber(value, digits)}${names[unit] ?? ""}`;
}

/** Bytes in powers of 1000, so many significant digits: 1085225327 → `1.085GB` (go-units HumanSize; lists use 3). */
export function humanSize(bytes: number, digits = 4): string {
  return scaled(bytes, 1000, DECIMAL, digits);
}

/** Bytes in powers of 1024: `23.54GiB` (go-units BytesSize). */
export function binarySize(bytes: number): string {
  return scaled(bytes, 1024, BINARY, 4);
}

const HOUR_MS = 3_600_000;

/** A span as people say it: `About a minute`, `2 weeks` (go-units HumanDuration). */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(ms / 60_000);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(ms / HOUR_MS + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(ms / HOUR_MS / 24 / 365)} years`;
}

const two = (value: number): string => String(value).padStart(2, "0");

function offsetParts(date: Date): { readonly sign: string; readonly hours: string; readonly minutes: string } {
  const offset = -date.getTimezoneOffset();
  const size = Math.abs(offset);
  return { sign: offset < 0 ? "-" : "+", hours: two(Math.trunc(size / 60)), minutes: two(size % 60) };
}

const datePart = (date: Date): string => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const timePart = (date: Date): string => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;

function zoneName(date: Date): string {
  const name = new Intl.DateTimeFormat("en-US", { timeZoneName: "short" })
    .formatToParts(date)
    .find((part) => part.type === "timeZoneName")?.value;
  if (name === undefined || name === "UTC" || name === "GMT") return "UTC";
  const { sign, hours, minutes } = offsetParts(date);
  return name.startsWith("GMT") ? `${sign}${hours}${minutes === "00" ? "" : minutes}` : name;
}

/** Go's `Time.String` in local time: `2026-11-21 04:05:15 +0000 UTC`. */
export function goTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const { sign, hours, minutes } = offsetParts(date);
  return `${datePart(date)} ${timePart(date)} ${sign}${hours}${minutes} ${zoneName(date)}`;
}

/** RFC 3339 in local time, `Z` for UTC: `2026-11-21T04:04:59Z`. */
export function rfc3339(seconds: number): string {
  const date = new Date(seconds * 1000);
  const { sign, hours, minutes } = offsetParts(date);
  const zone = date.getTimezoneOffset() === 0 ? "Z" : `${sign}${hours}:${minutes}`;
  return `${datePart(date)}T${timePart(date)}${zone}`;
}

/** RFC 3339 with nanoseconds, all nine digits, in local time; `nano` counts from 1970. */
export function rfc3339Nano(nano: bigint): string {
  const whole = rfc3339(Number(nano / 1_000_000_000n));
  const fraction = String(nano % 1_000_000_000n).padStart(9, "0");
  const zone = whole.slice(19);
  return `${whole.slice(0, 19)}.${fraction}${zone}`;
}

/** At most `length` characters, the last one `…` when text was cut (docker/cli formatter.Ellipsis). */
export function ellipsis(text: string, length: number): string {
  const runes = Array.from(text);
  if (length <= 0) return "";
  if (runes.length <= length) return text;
  return length === 1 ? (runes[0] ?? "") : `${runes.slice(0, length - 1).join("")}…`;
}

/** `sha256:be59…` → the 12 characters that lists show. */
export function shortId(id: string): string {
  return id.slice(id.indexOf(":") + 1).slice(0, 12);
}
