/** What clients ask of a Dockerfile beside a build. */
import { differential, type BuildCase } from "./support/differential.ts";

const TEXT = `# version is the version
ARG version=1
ARG other=\${version}x
# base is the base
FROM BASE AS base
ARG foo=bar
RUN --mount=type=secret,id=s1,required=true \\
  --mount=type=ssh echo $foo
FROM base AS tool
ARG tools=\${other}
# final says all
FROM base AS final
ARG version
ARG other
ARG unset
COPY --from=tool /srv /srv
`;

const ask = (name: string, request: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile: TEXT,
  args: [`--print=${request}`, ...(more.args ?? [])],
  print: true,
  env: { BUILDX_EXPERIMENTAL: "1" },
});

differential("requests", [
  ask("outline", "outline"),
  ask("outline as JSON", "outline,format=json"),
  ask("outline of a target", "outline", { args: ["--target", "base"] }),
  ask("outline with arguments", "outline", { args: ["--build-arg", "version=9", "--build-arg", "foo=given"] }),
  ask("targets", "targets"),
  ask("targets as JSON", "targets,format=json"),
  ask("what may be asked", "subrequests.describe"),
]);
