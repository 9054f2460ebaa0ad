/**
 * Does `work` for all items at once. When one fails the others are given up by their signal, and this throws the first
 * failure only after all of them have stopped. The result is in the order of the items.
 */
export async function allOrNothing<I, O>(
  items: readonly I[],
  signal: AbortSignal | undefined,
  work: (item: I, signal: AbortSignal) => Promise<O>,
): Promise<O[]> {
  const giveUp = new AbortController();
  const either = signal === undefined ? giveUp.signal : AbortSignal.any([signal, giveUp.signal]);
  const failures: unknown[] = [];
  const attempt = async (item: I): Promise<O> => {
    try {
      return await work(item, either);
    } catch (error) {
      failures.push(error);
      giveUp.abort(error);
      throw error;
    }
  };
  const outcomes = await Promise.allSettled(items.map(attempt));
  if (failures.length > 0) throw failures[0];
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}
