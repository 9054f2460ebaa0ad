/** One `--annotation`: where it goes, and for which platform only. */
export interface Annotation {
  /** Empty: what the command takes for it by default. */
  readonly type: string;
  readonly platform?: string;
  readonly key: string;
  readonly value: string;
}

const ANNOTATION_TYPE = /^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$/;
const TYPES: readonly string[] = ["manifest", "index", "manifest-descriptor", "index-descriptor"];

function place(text: string): Pick<Annotation, "type" | "platform"> {
  const [, type, platform] = ANNOTATION_TYPE.exec(text) ?? [];
  if (type === undefined) {
    throw new Error(
      `invalid annotation type ${JSON.stringify(text)}, expected type and optional platform in square brackets`,
    );
  }
  if (!TYPES.includes(type)) throw new Error(`unknown annotation type ${JSON.stringify(type)}`);
  return { type, ...(platform === undefined ? {} : { platform }) };
}

/** `index,manifest[linux/amd64]:a=b`, each place apart. @throws {Error} in buildx's words */
export function parseAnnotations(texts: readonly string[]): readonly Annotation[] {
  return texts.flatMap((text) => {
    const at = text.indexOf("=");
    if (at < 0) throw new Error(`invalid annotation ${JSON.stringify(text)}, expected key=value`);
    const [before, value] = [text.slice(0, at), text.slice(at + 1)];
    const colon = before.indexOf(":");
    if (colon < 0) return [{ type: "", key: before, value }];
    const key = before.slice(colon + 1);
    return before
      .slice(0, colon)
      .split(",")
      .map((one) => ({ ...place(one), key, value }));
  });
}
