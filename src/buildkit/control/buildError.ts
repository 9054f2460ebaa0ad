import { findEngineError } from "#errors";
import type { SourcePlace } from "../contract.ts";
import { GrpcError, statusOf } from "../grpc/status.ts";
import type { ErrorDetail } from "../grpc/status.ts";

const PREFIX = "github.com/moby/buildkit";

function isSourcePlace(value: unknown): value is SourcePlace {
  return typeof value === "object" && value !== null && "filename" in value && "data" in value && "ranges" in value;
}

function detail(type: string, value: unknown): ErrorDetail {
  return { typeUrl: `${PREFIX}/${type}+json`, value: Buffer.from(JSON.stringify(value)) };
}

function sourceDetail({ filename, data, ranges }: SourcePlace): ErrorDetail {
  return detail("errdefs.Source", {
    info: { filename, data: Buffer.from(data).toString("base64"), language: "Dockerfile" },
    ranges: ranges.map(({ start, end }) => ({ start: { line: start }, end: { line: end } })),
  });
}

/**
 * A failed build as its client renders it: `details.source` ({@link SourcePlace}) becomes the lines of the Dockerfile,
 * `details.vertex` (digest) the step, `details.exitCode` the exit code. What came from a peer goes on as it came.
 */
export function toBuildError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const { source, vertex, exitCode } = findEngineError(error)?.details ?? {};
  const details = [
    ...(isSourcePlace(source) ? [sourceDetail(source)] : []),
    ...(typeof vertex === "string" ? [detail("errdefs.Vertex", { digest: vertex })] : []),
    ...(typeof exitCode === "number" ? [detail("gatewayapi.ExitMessage", { Code: exitCode })] : []),
  ];
  const { code, message } = statusOf(error);
  return new GrpcError(code, message, details);
}
