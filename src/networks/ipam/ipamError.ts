/** Errors in Docker's words. */
import { EngineError, ErrorCode } from "#errors";

export const poolOverlaps = (): EngineError =>
  new EngineError("permission_denied", ErrorCode.SUBNET_IN_USE, "Pool overlaps with other one on this address space");

export const noPoolLeft = (family: number): EngineError =>
  new EngineError(
    "not_found",
    ErrorCode.ADDRESSES_EXHAUSTED,
    `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network`,
  );

export const addressInUse = (): EngineError =>
  new EngineError("permission_denied", ErrorCode.ADDRESS_IN_USE, "Address already in use");

export const addressOutOfRange = (): EngineError =>
  new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "Requested address is out of range");

/** A certain address was asked for, and the pool has not a single one left. */
export const poolExhausted = (): EngineError =>
  new EngineError("unavailable", ErrorCode.ADDRESSES_EXHAUSTED, "no available addresses on this pool");

export const noAddressLeft = (family: number, name: string, id: string): EngineError =>
  new EngineError(
    "unavailable",
    ErrorCode.ADDRESSES_EXHAUSTED,
    `no available IPv${family} addresses on this network's address pools: ${name} (${id})`,
  );

export const addressNotInNetwork = (address: string): EngineError =>
  new EngineError(
    "invalid_argument",
    ErrorCode.BAD_REQUEST,
    `invalid address ${address}: It does not belong to any of this network's subnets`,
  );
