import { categoryOf } from "#errors";
import type { ErrorCategory } from "#errors";

/** Category → status, as moby's `httpstatus` does it. The only place where the API decides a status from an error. */
const STATUS: Readonly<Record<ErrorCategory, number>> = {
  not_found: 404,
  already_exists: 409,
  invalid_argument: 400,
  failed_precondition: 412,
  conflict: 409,
  aborted: 409,
  unauthenticated: 401,
  permission_denied: 403,
  unavailable: 503,
  resource_exhausted: 500,
  out_of_range: 400,
  not_implemented: 501,
  not_modified: 304,
  data_loss: 500,
  cancelled: 500,
  internal: 500,
};

export function httpStatusOf(error: unknown): number {
  return STATUS[categoryOf(error)];
}
