import { EngineError, ErrorCode } from "#errors";
import type { OpenImage } from "../openImage.ts";

/** `IMAGE@3`: the image as it was after the third entry of its history. */
export interface ImageAtStep {
  readonly image: string;
  /** 1-based, entries without a layer counted; undefined for the whole image. */
  readonly step: number | undefined;
}

/** Takes `@N` off; `@sha256:…` is no step. */
export function parseImageStep(text: string): ImageAtStep {
  const found = /^(.+)@(\d{1,9})$/s.exec(text);
  if (found === null) return { image: text, step: undefined };
  const [, image = "", step = ""] = found;
  return { image, step: Number(step) };
}

function stepCount({ config, layers }: Pick<OpenImage, "config" | "layers">): number {
  return Math.max(config.history?.length ?? 0, ...layers.map(({ step }) => step), 0);
}

/** How many layers there are at a step; all for undefined. @throws {invalid_argument} when the image has no such step */
export function layersAtStep(image: Pick<OpenImage, "name" | "config" | "layers">, step: number | undefined): number {
  if (step === undefined) return image.layers.length;
  const count = stepCount(image);
  if (step >= 1 && step <= count) return image.layers.filter((layer) => layer.step <= step).length;
  const steps = count === 1 ? "1 step" : `${count} steps`;
  throw new EngineError(
    "invalid_argument",
    ErrorCode.BAD_REQUEST,
    `${image.name} has ${steps}: there is no step ${step}`,
  );
}
