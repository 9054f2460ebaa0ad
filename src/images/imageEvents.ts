import type { EventSink } from "#engineapi";
import type { ImageConfig } from "#oci";

type ImageAction = "pull" | "push" | "tag" | "untag" | "delete" | "load" | "import" | "save";

/**
 * Says what happened to an image, with moby's attributes: the labels of the image (where its config is still here) and
 * `name`. `actor` is the ID, or the reference for pull and push.
 */
export function imageEvent(
  events: EventSink,
  action: ImageAction,
  about: { readonly actor: string; readonly name: string; readonly config?: ImageConfig | undefined },
): void {
  const labels = about.config?.config?.Labels ?? {};
  events({ Type: "image", Action: action, Actor: { ID: about.actor, Attributes: { ...labels, name: about.name } } });
}
