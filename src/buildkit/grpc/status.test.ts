import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError, ErrorCode, isNotFound } from "#errors";
import { errorOfTrailers, GrpcCode, GrpcError, statusOf, toTrailers } from "./status.ts";

test("status: trailers carry code, message and details there and back", () => {
  const details = [{ typeUrl: "x/y+json", value: Buffer.from("{}") }];
  const trailers = toTrailers({ code: GrpcCode.NOT_FOUND, message: "100% größer\nzwei", details });
  assert.equal(trailers["grpc-status"], "5");
  assert.match(trailers["grpc-message"] ?? "", /^100%25 gr%C3%B6%C3%9Fer%0Azwei$/);
  assert.doesNotMatch(trailers["grpc-status-details-bin"] ?? "", /=/);
  const error = errorOfTrailers(trailers);
  assert.ok(isNotFound(error));
  assert.equal(error?.message, "100% größer\nzwei");
  assert.deepEqual(
    error?.status.details.map(({ typeUrl, value }) => [typeUrl, Buffer.from(value).toString()]),
    [["x/y+json", "{}"]],
  );
});

test("status: OK is no error, a missing status is a broken connection", () => {
  assert.equal(errorOfTrailers(toTrailers({ code: GrpcCode.OK, message: "", details: [] })), undefined);
  for (const headers of [undefined, {}, { "grpc-status": "x" }])
    assert.equal(errorOfTrailers(headers)?.status.code, GrpcCode.UNAVAILABLE);
});

test("status: trailers that a peer wrote badly lose what is bad only", () => {
  const error = errorOfTrailers({ "grpc-status": "3", "grpc-message": "50% off", "grpc-status-details-bin": "!!!!" });
  assert.equal(error?.message, "50% off");
  assert.deepEqual(error?.status.details, []);
});

test("status: messages and details are bounded, so that a header block holds them", () => {
  const details = [{ typeUrl: "x", value: Buffer.alloc(1 << 20) }];
  const trailers = toTrailers({ code: GrpcCode.UNKNOWN, message: "m".repeat(1 << 20), details });
  assert.ok((trailers["grpc-message"] ?? "").length < 64 << 10);
  assert.equal(trailers["grpc-status-details-bin"], undefined);
});

test("status: errors of builds have no name before their message", () => {
  const failed = new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "dockerfile parse error");
  assert.deepEqual(statusOf(failed), { code: GrpcCode.UNKNOWN, message: "dockerfile parse error", details: [] });
  const cancelled = new EngineError("cancelled", ErrorCode.CANCELLED, "context canceled");
  assert.equal(statusOf(cancelled).code, GrpcCode.CANCELED);
  const passedOn = new GrpcError(GrpcCode.NOT_FOUND, "gone");
  assert.equal(statusOf(passedOn), passedOn.status);
});
