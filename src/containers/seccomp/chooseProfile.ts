import { kernelRelease } from "#host";
import type { ContainerDocument } from "../document.ts";
import { parseSecurityOptions } from "../request/securityOptions.ts";
import { capabilitiesOf } from "../spec/runtimeSpec.ts";
import type { SpecInput } from "../spec/runtimeSpec.ts";
import { resolveCustomProfile } from "./customProfile.ts";
import type { FilterCache } from "./filterCache.ts";
import { resolveDefaultProfile } from "./resolveProfile.ts";

/**
 * The filter of a container: its own profile, the default one in the form that its runtime takes, or none at all when
 * unconfined. @throws {internal} in Docker's words for a profile that cannot be read
 */
export function seccompFor(
  { hostConfig }: Pick<ContainerDocument, "hostConfig">,
  runtime: { readonly takesFilter: boolean },
  filters: FilterCache,
): NonNullable<SpecInput["seccomp"]> {
  const { seccomp: asked } = parseSecurityOptions(hostConfig.SecurityOpt);
  if (asked === "unconfined" || (asked === "" && hostConfig.Privileged)) return {};
  const target = { capabilities: capabilitiesOf(hostConfig), architecture: process.arch, kernel: kernelRelease() };
  if (asked !== "" && asked !== "builtin") {
    const own = resolveCustomProfile(asked, target);
    return own === undefined ? {} : { seccomp: own };
  }
  const profile = resolveDefaultProfile(target);
  const program = runtime.takesFilter ? filters.get(profile) : undefined;
  if (program === undefined) return { seccomp: profile };
  return { annotations: { "run.oci.seccomp_bpf_data": program } };
}
