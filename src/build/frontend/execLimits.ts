import type { ExecLimits } from "../graph/operation.ts";
import type { FrontendOptions } from "../request.ts";

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}

/** Limits of every RUN, as attributes of the build give them. */
export function execLimits({ shmSize, ulimits, cgroupParent, limits }: FrontendOptions): ExecLimits {
  const numbers = {
    memory: numberOf(limits["memory"]),
    memorySwap: numberOf(limits["memswap"]),
    cpuShares: numberOf(limits["cpushares"]),
    cpuPeriod: numberOf(limits["cpuperiod"]),
    cpuQuota: numberOf(limits["cpuquota"]),
  };
  const given = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  const { cpusetcpus, cpusetmems } = limits;
  return {
    shmSize,
    ulimits,
    cgroupParent,
    ...given,
    ...(cpusetcpus === undefined ? {} : { cpusetCpus: cpusetcpus }),
    ...(cpusetmems === undefined ? {} : { cpusetMems: cpusetmems }),
  };
}
