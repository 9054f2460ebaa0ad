/** What a token allows (distribution token scope documentation): `repository:library/nginx:pull,push`. */
export type Scope = string;

/** Scopes for work on a repository; pushing asks for both. */
export function repositoryScope(path: string, scope: "pull" | "push"): Scope {
  return `repository:${path}:${scope === "push" ? "pull,push" : "pull"}`;
}

/** Union: the actions of one resource are joined, so that `a:pull` and `a:push` are one scope; sorted, so that it is a key. */
export function mergeScopes(scopes: readonly Scope[]): readonly Scope[] {
  const actionsByResource = new Map<string, Set<string>>();
  for (const scope of scopes.flatMap((text) => text.split(" ")).filter((text) => text !== "")) {
    const colon = scope.lastIndexOf(":");
    const resource = scope.slice(0, colon);
    const actions = actionsByResource.get(resource) ?? new Set<string>();
    for (const action of scope.slice(colon + 1).split(",")) actions.add(action);
    actionsByResource.set(resource, actions);
  }
  return [...actionsByResource].map(([resource, actions]) => `${resource}:${[...actions].sort().join(",")}`).sort();
}
