/** How dockerd begins what its runtime says of a container that it could not make. */
export const RUNC_FAILED =
  "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: ";
