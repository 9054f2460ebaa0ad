/** A typing error is at most this many edits away, less one. */
const TOO_FAR = 3;

function distance(left: string, right: string): number {
  // Further apart than any suggestion: not worth a table.
  if (Math.abs(left.length - right.length) >= TOO_FAR) return TOO_FAR;
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? TOO_FAR;
}

function likeWritten(suggestion: string, written: string): string {
  if (written === written.toLowerCase()) return suggestion.toLowerCase();
  return written === written.toUpperCase() ? suggestion.toUpperCase() : suggestion;
}

/** The option meant by a misspelt `value`; undefined where none is near or it is one of them. */
export function suggest(
  value: string,
  options: Iterable<string>,
  { anyCase = false }: { readonly anyCase?: boolean } = {},
): string | undefined {
  const fold = (text: string): string => (anyCase ? text.toLowerCase() : text);
  const wanted = fold(value);
  let best = TOO_FAR;
  let found: string | undefined;
  for (const option of options) {
    const candidate = fold(option);
    if (candidate === wanted) return undefined;
    const far = distance(wanted, candidate);
    if (far < best) {
      best = far;
      found = anyCase ? likeWritten(candidate, value) : candidate;
    }
  }
  return found;
}

/** `message (did you mean x?)`, or the message alone. */
export function withSuggestion(message: string, suggestion: string | undefined): string {
  return suggestion === undefined ? message : `${message} (did you mean ${suggestion}?)`;
}
