/** What `.dockerignore` leaves out. */
import { differential, type BuildCase } from "./support/differential.ts";

const FILES = {
  "a.md": "a",
  "b.txt": "b",
  "docs/README.md": "r",
  "docs/deep/x.md": "x",
  "docs/deep/y.txt": "y",
  "node_modules/m/index.js": "m",
  "node_modules/m/keep/k": "k",
  "src/main.go": "g",
  "src/main_test.go": "t",
  ".git/HEAD": "h",
  ".env": "e",
} as const;

const ignore = (name: string, patterns: string, more: Partial<BuildCase> = {}): BuildCase => ({
  name,
  dockerfile: "FROM scratch\nCOPY . /",
  files: { ...FILES, ".dockerignore": patterns },
  ...more,
});

differential("ignore", [
  ignore("nothing", ""),
  ignore("comments, blanks, spaces", "# c\n\n  b.txt  \n #d\n"),
  ignore("a directory", "node_modules\n.git\n"),
  ignore("a directory with a slash at both ends", "/node_modules/\n"),
  ignore("names at the top only", "*.md\n"),
  ignore("names at any depth", "**/*.md\n"),
  ignore("a directory at any depth", "**/deep\n"),
  ignore("all but some", "*\n!src\n!b.txt\n"),
  ignore("an exception below a directory", "docs\n!docs/README.md\n"),
  ignore("an exception deep below", "node_modules\n!node_modules/m/keep\n"),
  ignore("an exception taken back", "docs\n!docs/**/*.md\ndocs/deep\n"),
  ignore("exceptions at any depth", "**\n!**/*.go\n"),
  ignore("one character and classes", "?.txt\nsrc/main[_]*\n"),
  ignore("an escape", "\\b.txt\n"),
  ignore("dots in the way", "./docs/../src\n"),
  ignore("the Dockerfile itself", "Dockerfile\n.dockerignore\n"),
  ignore("CRLF and BOM", "\uFEFFb.txt\r\ndocs\r\n"),
  ignore("a wrong pattern", "[\n"),
  ignore("an exception of nothing", "a\n!\n"),
  ignore("a file that is wanted", "b.txt\n", { dockerfile: "FROM scratch\nCOPY b.txt /x" }),
  ignore("a file that is wanted with a wildcard", "*.md\n", { dockerfile: "FROM scratch\nCOPY *.md /x/" }),
  ignore("a mount of the context", "docs\n", { dockerfile: "FROM BASE\nRUN --mount=target=/m ls -a /m > /x" }),
  ignore("beside a Dockerfile of another name", "src\n", {
    args: ["-f", "CONTEXT/My.Dockerfile"],
    files: {
      ...FILES,
      ".dockerignore": "src\n",
      "My.Dockerfile": "FROM scratch\nCOPY . /\n",
      "My.Dockerfile.dockerignore": "docs\nnode_modules\n",
    },
  }),
]);
