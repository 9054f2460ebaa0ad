import type { SyslogFormat } from "./syslogOptions.ts";

/** What all messages of one run have in common. */
export interface SyslogSource {
  readonly format: SyslogFormat;
  readonly facility: number;
  readonly hostname: string;
  readonly tag: string;
  readonly pid: number;
}

const SEVERITY = { stdout: 6, stderr: 3 } as const;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const two = (value: number): string => String(value).padStart(2, "0");

const clock = (time: Date): string => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;

/** `Nov  5 03:39:51`, in the host's zone. */
const stamp = (time: Date): string => `${MONTHS[time.getMonth()]} ${String(time.getDate()).padStart(2)} ${clock(time)}`;

/** RFC 3339 in the host's zone; `fraction` as `.718433`. */
function isoTime(time: Date, fraction: string): string {
  const offset = -time.getTimezoneOffset();
  const ahead = Math.abs(offset);
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(Math.trunc(ahead / 60))}:${two(ahead % 60)}`;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}T${clock(time)}${fraction}${zone}`;
}

function head({ format, hostname, tag, pid }: SyslogSource, time: Date): string {
  if (format === "unix") return `${stamp(time)} ${tag}[${pid}]: `;
  if (format === "rfc3164") return `${stamp(time)} ${hostname} ${tag}[${pid}]: `;
  const fraction = format === "rfc5424" ? "" : `.${String(time.getMilliseconds()).padStart(3, "0")}000`;
  return `1 ${isoTime(time, fraction)} ${hostname} ${tag} ${pid} ${tag} - `;
}

/** One line as the syslog daemon takes it, its newline at the end, as dockerd sends it. */
export function syslogMessage(
  source: SyslogSource,
  { stream, text }: { readonly stream: "stdout" | "stderr"; readonly text: Uint8Array },
  time: Date,
): Buffer {
  const priority = (source.facility << 3) | SEVERITY[stream];
  return Buffer.concat([Buffer.from(`<${priority}>${head(source, time)}`), text, Buffer.from("\n")]);
}
