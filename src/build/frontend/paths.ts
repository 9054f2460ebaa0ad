/** `path.Join` of an absolute directory and a path: clean, absolute. */
export function joinPath(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${path.startsWith("/") ? "" : directory}/${path}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** Where files go: absolute; a directory when it says so by its end. */
export function destinationOf(
  directory: string,
  destination: string,
): { readonly path: string; readonly isDirectory: boolean } {
  const isDirectory = destination === "" || /(?:^|\/)\.{0,2}$/.test(destination);
  return { path: joinPath(directory, destination), isDirectory };
}
