/** Digits and what stands between them. */
const chunksOf = (text: string): readonly string[] => text.match(/\d+|\D+/g) ?? [];

const isNumber = (chunk: string): boolean => /^\d/.test(chunk);

function compareChunks(one: string, other: string): number {
  if (isNumber(one) && isNumber(other)) {
    const [first, second] = [one.replace(/^0+(?=\d)/, ""), other.replace(/^0+(?=\d)/, "")];
    if (first.length !== second.length) return first.length - second.length;
    if (first !== second) return first < second ? -1 : 1;
    return one.length - other.length;
  }
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** People's order of names, as Docker's lists have it: `net2` before `net10`. */
export function naturalOrder(one: string, other: string): number {
  const [first, second] = [chunksOf(one), chunksOf(other)];
  for (let index = 0; index < Math.min(first.length, second.length); index += 1) {
    const order = compareChunks(first[index] ?? "", second[index] ?? "");
    if (order !== 0) return order;
  }
  return first.length - second.length;
}
