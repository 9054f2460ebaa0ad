import type { ImageTree } from "#analysis";
import { fromDisplayPath } from "#tar";

const A = 65;
const Z = 90;
const TO_LOWER = 32;

const lower = (code: number): number => (code >= A && code <= Z ? code + TO_LOWER : code);

/** Whether the characters stand in the name from `start` on in order, scattered over no more than twice their number. */
function matchesFrom(name: string, start: number, wanted: string, foldCase: boolean): boolean {
  const limit = Math.min(name.length, start + wanted.length * 2);
  let at = 0;
  for (let index = start; index < limit && at < wanted.length; index += 1) {
    const code = name.charCodeAt(index);
    if ((foldCase ? lower(code) : code) === wanted.charCodeAt(at)) at += 1;
    else if (at === 0) return false;
  }
  return at === wanted.length;
}

function matches(name: string, wanted: string, foldCase: boolean): boolean {
  for (let start = 0; start <= name.length - wanted.length; start += 1) {
    if (matchesFrom(name, start, wanted, foldCase)) return true;
  }
  return false;
}

/** Parts of one word of a filter, which names on the way down must match one after another: `etc/host`. */
function wordsOf(text: string): readonly (readonly string[])[] {
  return text
    .split(" ")
    .map((word) => word.split("/").filter((part) => part !== ""))
    .filter((word) => word.length > 0);
}

/**
 * 1 for each node whose path matches: every word of the text stands in it, loosely; a "/" in a word goes down, directly
 * or not. Capitals count when there are any. What lies in a directory that matches does too.
 */
export function matchPaths(tree: ImageTree, text: string): Uint8Array {
  const latin1 = fromDisplayPath(text);
  const foldCase = !/[A-Z]/.test(latin1);
  const found = new Uint8Array(tree.nodeCount).fill(1);
  for (const word of wordsOf(latin1)) {
    const reached = new Uint8Array(tree.nodeCount);
    for (let node = 1; node < tree.nodeCount; node += 1) {
      const above = reached[tree.parentOf(node)] ?? 0;
      const part = word[above];
      reached[node] = part !== undefined && matches(tree.nameOf(node), part, foldCase) ? above + 1 : above;
      if (reached[node] !== word.length) found[node] = 0;
    }
  }
  return found;
}
