/** `docker-archive:`, …: their colon is no end of the image's name. */
const SOURCE = /^(?:docker-archive|oci-archive|oci-layout|registry):/;

/** An argument of `image cp`: an image and a path in it. */
export interface ImagePath {
  readonly image: string;
  readonly path: string;
}

/**
 * `nginx:1.27@3:/etc/nginx` → image and path: at the first `:/`, else at the last colon (`nginx:etc/nginx`). undefined without
 * either.
 */
export function splitImagePath(text: string): ImagePath | undefined {
  const start = SOURCE.exec(text)?.[0].length ?? 0;
  const absolute = text.indexOf(":/", start + 1);
  const at = absolute >= 0 ? absolute : text.lastIndexOf(":");
  return at <= start ? undefined : { image: text.slice(0, at), path: text.slice(at + 1) };
}
