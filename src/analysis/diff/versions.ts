import type { PackageManager } from "../packages/package.ts";

/** Marks of versions before the release itself, as each ecosystem writes them, become dpkg's "~". */
function withTildes(manager: PackageManager, version: string): string {
  switch (manager) {
    case "npm":
      return version.replace(/\+.*$/, "").replace("-", "~");
    case "pip":
      return version.replace(/[.\-_]?dev(?=\d|$)/, "~~dev").replace(/[.\-_]?(a|b|c|rc|alpha|beta|pre)(?=\d|$)/, "~$1");
    case "apk":
      return version.replace(/_(?=alpha|beta|pre|rc)/g, "~");
    case "dpkg":
    case "rpm":
      return version;
  }
}

/** Weight of a character that is no digit: "~" before the end, letters before the rest. */
function weightOf(character: string | undefined): number {
  if (character === undefined || /\d/.test(character)) return 0;
  if (character === "~") return -1;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}

function comparePart(a: string, b: string): number {
  let [left, right] = [a, b];
  while (left !== "" || right !== "") {
    const [wordA = ""] = /^\D*/.exec(left) ?? [];
    const [wordB = ""] = /^\D*/.exec(right) ?? [];
    for (let at = 0; at < Math.max(wordA.length, wordB.length); at++) {
      const difference = weightOf(wordA[at]) - weightOf(wordB[at]);
      if (difference !== 0) return difference;
    }
    left = left.slice(wordA.length);
    right = right.slice(wordB.length);
    const [digitsA = ""] = /^\d*/.exec(left) ?? [];
    const [digitsB = ""] = /^\d*/.exec(right) ?? [];
    const [numberA, numberB] = [digitsA.replace(/^0+/, ""), digitsB.replace(/^0+/, "")];
    if (numberA.length !== numberB.length) return numberA.length - numberB.length;
    if (numberA !== numberB) return numberA < numberB ? -1 : 1;
    left = left.slice(digitsA.length);
    right = right.slice(digitsB.length);
  }
  return 0;
}

/** `EPOCH:UPSTREAM-REVISION` */
function partsOf(version: string): readonly [epoch: string, upstream: string, revision: string] {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return [
    colon < 0 ? "0" : version.slice(0, colon),
    dash < 0 ? rest : rest.slice(0, dash),
    dash < 0 ? "" : rest.slice(dash + 1),
  ];
}

/** Below, at or above 0 as `a` is older, as new or newer, by the rules of dpkg (deb-version(7)) and close to those of the others. */
export function compareVersions(manager: PackageManager, a: string, b: string): number {
  const left = partsOf(withTildes(manager, a));
  const right = partsOf(withTildes(manager, b));
  for (const index of [0, 1, 2] as const) {
    const difference = comparePart(left[index], right[index]);
    if (difference !== 0) return difference;
  }
  return 0;
}
