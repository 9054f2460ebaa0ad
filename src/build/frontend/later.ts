/**
 * A value that is made when it is first wanted. Vertices of a plan are: which files of a context are wanted is known only
 * when all instructions were looked at, and a vertex never changes once it is made.
 */
export type Later<T> = () => T;

export function later<T>(make: () => T): Later<T> {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
