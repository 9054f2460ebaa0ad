import { EngineError, ErrorCode } from "#errors";
import type { SandboxService } from "#networks";
import type { Container } from "../container.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import { networkFacts } from "./networkFacts.ts";

/** Takes away the name `parent/alias` that a link gives a container. @throws {internal} in Docker's words */
export function unlinkContainer(
  linked: Container,
  reference: string,
  { index, sandboxes }: { readonly index: ContainerIndex; readonly sandboxes: Pick<SandboxService, "unlink"> },
): void {
  const name = `/${reference.replace(/^\//, "")}`;
  if (!index.linkNames(linked).includes(name)) {
    const message = "Conflict, cannot remove the default link name of the container";
    throw new EngineError("internal", ErrorCode.BAD_REQUEST, message);
  }
  const [, parentName = "", alias] = name.split("/");
  const parent = index.get(parentName);
  const { hostConfig } = parent.document;
  const facts = networkFacts(parent, index);
  const isGone = (link: { readonly containerId: string; readonly alias: string }): boolean =>
    link.containerId === linked.id && link.alias === alias;
  if (parent.isRunning) sandboxes.unlink({ ...facts, links: facts.links.filter(isGone) });
  const Links = (hostConfig.Links ?? []).filter((link) => {
    const [containerId = "", text = ""] = link.split(":", 2);
    return !isGone({ containerId, alias: text.replace(/^.*\//, "") });
  });
  parent.update({ hostConfig: { ...hostConfig, Links: Links.length === 0 ? null : Links } });
}
