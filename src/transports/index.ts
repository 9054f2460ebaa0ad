export { openImage } from "./openImage.ts";
export type { OpenImageOptions } from "./openImage.ts";
export { formatImageSource, parseImageSource } from "./imageSource.ts";
export type { ImageSource } from "./imageSource.ts";
