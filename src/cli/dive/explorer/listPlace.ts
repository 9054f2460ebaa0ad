/** Where one is in a list: the chosen row, and the first row that is on screen. */
export interface ListPlace {
  readonly cursor: number;
  readonly top: number;
}

export const LIST_START: ListPlace = { cursor: 0, top: 0 };

/** How a list is shown: how many rows there are, and how many fit. */
export interface ListSize {
  readonly count: number;
  readonly height: number;
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(value, most));
const lastTop = ({ count, height }: ListSize): number => Math.max(count - height, 0);

/** Chooses a row (the nearest that there is) and moves the list as little as that needs. */
export function moveTo(place: ListPlace, cursor: number, size: ListSize): ListPlace {
  const chosen = clamp(cursor, 0, Math.max(size.count - 1, 0));
  const top = clamp(place.top, chosen - size.height + 1, chosen);
  return { cursor: chosen, top: clamp(top, 0, lastTop(size)) };
}

/** Moves what is shown; the chosen row stays where it can. */
export function scrollBy(place: ListPlace, rows: number, size: ListSize): ListPlace {
  const top = clamp(place.top + rows, 0, lastTop(size));
  return { top, cursor: clamp(place.cursor, top, Math.max(Math.min(top + size.height, size.count) - 1, 0)) };
}

/** Where a key of moving leads; undefined for other keys. */
export function moveByKey(place: ListPlace, key: string, size: ListSize): ListPlace | undefined {
  const { cursor } = place;
  switch (key) {
    case "up":
    case "k":
      return moveTo(place, cursor - 1, size);
    case "down":
    case "j":
      return moveTo(place, cursor + 1, size);
    case "pageUp":
    case "u":
      return moveTo(place, cursor - size.height, size);
    case "pageDown":
    case "d":
      return moveTo(place, cursor + size.height, size);
    case "home":
    case "g":
      return moveTo(place, 0, size);
    case "end":
    case "G":
      return moveTo(place, size.count - 1, size);
    default:
      return undefined;
  }
}
