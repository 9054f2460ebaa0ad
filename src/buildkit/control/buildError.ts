import type { SourceLocation } from "#build";
import { findEngineError } from "#errors";
import { GrpcCode, GrpcError, statusOf } from "../grpc/status.ts";
import type { ErrorDetail } from "../grpc/status.ts";

const PREFIX = "github.com/moby/buildkit";

function isLocation(value: unknown): value is SourceLocation {
  return typeof value === "object" && value !== null && "filename" in value && "text" in value && "ranges" in value;
}

function detail(type: string, value: unknown): ErrorDetail {
  return { typeUrl: `${PREFIX}/${type}+json`, value: Buffer.from(JSON.stringify(value)) };
}

function sourceDetail({ filename, text, ranges }: SourceLocation): ErrorDetail {
  return detail("errdefs.Source", {
    info: { filename, data: Buffer.from(text).toString("base64"), language: "Dockerfile" },
    ranges: ranges.map(({ start, end }) => ({ start: { line: start }, end: { line: end } })),
  });
}

/**
 * A failed build as its client renders it: `details.source` ({@link SourceLocation}) becomes the lines of the Dockerfile,
 * `details.vertex` (digest) the step, `details.exitCode` the exit code. What came from a peer goes on as it came.
 */
export function toBuildError(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  const { source, vertex, exitCode } = findEngineError(error)?.details ?? {};
  const details = [
    ...(typeof exitCode === "number" ? [detail("gatewayapi.ExitMessage", { Code: exitCode })] : []),
    ...(typeof vertex === "string" ? [detail("errdefs.Vertex", { digest: vertex })] : []),
    ...(isLocation(source) ? [sourceDetail(source)] : []),
  ];
  const { code, message } = statusOf(error);
  // Clients print the names of codes before the message, this one twice.
  return new GrpcError(code === GrpcCode.UNIMPLEMENTED ? GrpcCode.UNKNOWN : code, message, details);
}
