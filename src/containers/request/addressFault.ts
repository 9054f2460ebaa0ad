/** What is wrong with an address: the first fault from the left, in the words of Go's netip.ParseAddr. */
import { isIPv4 } from "node:net";

/** Why a text is no address, and from where on. */
type Fault = readonly [why: string, at?: string];

const MAX_OCTET = 255;
const OCTETS = 4;

function faultOfV4(text: string): Fault {
  const strange = /[^0-9.]/.exec(text);
  const read = strange === null ? text : text.slice(0, strange.index);
  let offset = 0;
  for (const [index, octet] of read.split(".").entries()) {
    if (/^0\d/.test(octet)) return ["IPv4 field has octet with leading zero"];
    if (Number(octet) > MAX_OCTET) return ["IPv4 field has value >255"];
    offset += octet.length;
    const isAtDot = text[offset] === ".";
    if (isAtDot && (octet === "" || offset === text.length - 1)) {
      return ["IPv4 field must have at least one digit", text.slice(offset)];
    }
    if (isAtDot && index === OCTETS - 1) return ["IPv4 address too long"];
    offset += 1;
  }
  return strange === null ? ["IPv4 address too short"] : ["unexpected character", text.slice(strange.index)];
}

const FIELDS = 8;
const MAX_DIGITS = 4;
/** Fields that an embedded IPv4 address stands for. */
const EMBEDDED = 2;

/** Where a scan of IPv6 fields is: what is left, how many fields were read, whether `::` was among them. */
interface Place {
  readonly rest: string;
  readonly fields: number;
  readonly ellipsis: boolean;
}

/** How the fields that were read fill an address. */
function faultOfCount({ fields, ellipsis }: Place): Fault | undefined {
  if (fields < FIELDS) return ellipsis ? undefined : ["address string too short"];
  return ellipsis ? ["the :: must expand to at least one field of zeros"] : undefined;
}

function faultOfEmbedded(place: Place): Fault | undefined {
  const { rest, fields, ellipsis } = place;
  if (!ellipsis && fields !== FIELDS - EMBEDDED) {
    return ["embedded IPv4 address must replace the final 2 fields of the address", rest];
  }
  if (fields > FIELDS - EMBEDDED) {
    return ["too many hex fields to fit an embedded IPv4 at the end of the address", rest];
  }
  if (isIPv4(rest)) return faultOfCount({ ...place, fields: fields + EMBEDDED });
  return faultOfV4(rest);
}

/** One field and the colons after it. */
function readField(place: Place): Place | { readonly fault: Fault | undefined } {
  const { rest, fields, ellipsis } = place;
  const [digits = ""] = /^[0-9a-fA-F]*/.exec(rest) ?? [];
  if (digits.length > MAX_DIGITS) return { fault: ["each group must have 4 or less digits", rest] };
  if (digits === "") return { fault: ["each colon-separated field must have at least one digit", rest] };
  if (rest[digits.length] === ".") return { fault: faultOfEmbedded(place) };
  const after = rest.slice(digits.length);
  if (after === "") return { rest: after, fields: fields + 1, ellipsis };
  if (!after.startsWith(":")) return { fault: ["unexpected character, want colon", after] };
  if (after === ":") return { fault: ["colon must be followed by more characters", after] };
  if (!after.startsWith("::")) return { rest: after.slice(1), fields: fields + 1, ellipsis };
  if (ellipsis) return { fault: ["multiple :: in address", after.slice(1)] };
  return { rest: after.slice(2), fields: fields + 1, ellipsis: true };
}

function faultOfV6(text: string): Fault | undefined {
  const [body = "", zone] = text.split(/%(.*)/s, 2);
  if (zone === "") return ["zone must be a non-empty string"];
  const begins = body.startsWith("::");
  let place: Place = { rest: begins ? body.slice(2) : body, fields: 0, ellipsis: begins };
  if (begins && place.rest === "") return undefined;
  do {
    const next = readField(place);
    if ("fault" in next) return next.fault;
    place = next;
  } while (place.rest !== "" && place.fields < FIELDS);
  return place.rest === "" ? faultOfCount(place) : ["trailing garbage after address", place.rest];
}

/** Of a text that is no address. */
export function addressFault(text: string): Fault {
  const [first] = /[.:%]/.exec(text) ?? [];
  if (first === ".") return faultOfV4(text);
  if (first === "%") return ["missing IPv6 address"];
  return (first === ":" ? faultOfV6(text) : undefined) ?? ["unable to parse IP"];
}
