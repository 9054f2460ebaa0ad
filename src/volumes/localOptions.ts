import { invalidVolume } from "./volumeError.ts";

/** What may be mounted at a volume: the local driver's options, all of them text. */
export type LocalOptions = Readonly<Record<string, string>>;

const KNOWN = ["type", "o", "device", "size"];
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  device: ["type"],
  type: ["device"],
  o: ["device", "type"],
};
const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp]?i?b?)$/i;

function checkSize(name: string, text: string): void {
  const match = SIZE.exec(text);
  if (match === null) {
    const digits = /^[\d. ]+/.exec(text)?.[0];
    if (digits === undefined || digits.trim() === "") throw invalidVolume(name, `invalid size: '${text}'`);
    throw invalidVolume(name, `invalid suffix: '${text.slice(digits.length).toLowerCase()}'`);
  }
  if (Number(match[1]) > 0) throw invalidVolume(name, "quota size requested but no quota support");
}

/** @throws {invalid_argument} INVALID_VOLUME in Docker's words */
export function checkOptions(name: string, options: LocalOptions): void {
  const unknown = Object.keys(options).find((option) => !KNOWN.includes(option));
  if (unknown !== undefined) throw invalidVolume(name, `invalid option: ${JSON.stringify(unknown)}`);
  for (const [option, needed] of Object.entries(NEEDS)) {
    const missing = option in options ? needed.find((other) => !(other in options)) : undefined;
    if (missing !== undefined) throw invalidVolume(name, `missing required option: ${JSON.stringify(missing)}`);
  }
  if (options["size"] !== undefined) checkSize(name, options["size"]);
}

/** True if using the volume means mounting something. */
export function needsMount(options: LocalOptions | null): options is LocalOptions {
  return options !== null && ((options["device"] ?? "") !== "" || (options["type"] ?? "") !== "");
}
