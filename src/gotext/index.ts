export { notABoolean, parseGoBoolean } from "./goBoolean.ts";
export { parseGoDuration } from "./goDuration.ts";
export { goQuote } from "./goQuote.ts";
