import assert from "node:assert/strict";
import { test } from "node:test";
import { shareText } from "./shareText.ts";
import { instructionText, whyText } from "./whyText.ts";
import { overlayText } from "./overlayText.ts";

const layer = { createdBy: "RUN x", bytes: 1000, images: [], children: [] };

test("shareText: runs of layers are one row, images stand below what they share", () => {
  const text = shareText(
    [
      {
        ...layer,
        diffId: "sha256:aaaaaaaaaaaaaaaa",
        children: [
          {
            ...layer,
            diffId: "sha256:bbbbbbbbbbbbbbbb",
            children: [
              { ...layer, diffId: "sha256:cccccccccccccccc", images: ["app:1"], children: [] },
              { ...layer, diffId: "sha256:dddddddddddddddd", images: ["app:2", "app:3"], bytes: 5 },
            ],
          },
        ],
      },
      { ...layer, diffId: "sha256:eeeeeeeeeeeeeeee", images: ["alone"] },
    ],
    false,
  );
  assert.equal(
    text,
    `IMAGE                  OWN SIZE   LAYERS   TOTAL
(shared by 3 images)   2kB        2        2kB
├─ app:1               1kB        1        3kB
└─ app:2, app:3        5B         1        2kB
alone                  1kB        1        1kB
`,
  );
});

test("whyText: steps, package and base on lines of their own", () => {
  const text = whyText({
    path: "/etc/a\nb",
    present: false,
    wastedBytes: 1500,
    bases: [{ layers: 1, names: ["debian:12"] }],
    packages: [{ manager: "dpkg", name: "base-files", version: "12", arch: "amd64" }],
    notes: [],
    events: [
      {
        kind: "added",
        layer: 0,
        step: 1,
        diffId: "sha256:aaaaaaaaaaaaaaaa",
        createdBy: "ADD rootfs.tar / # buildkit",
        base: ["debian:12"],
        changes: [],
        type: "file",
        mode: "0644",
        size: 1500,
        wastedBytes: 1500,
      },
      {
        kind: "removed",
        layer: 1,
        step: 3,
        diffId: "sha256:bbbbbbbbbbbbbbbb",
        createdBy: "RUN /bin/sh -c rm -rf /etc # buildkit",
        changes: [],
        hiddenBy: { kind: "whiteout", path: "/etc" },
        wastedBytes: 0,
      },
    ],
  });
  assert.equal(
    text,
    `/etc/a\\nb  (not in the image any more)
  @1   added    aaaaaaaaaaaa  ADD rootfs.tar /  [debian:12]
                1.5kB, mode 0644; 1.5kB wasted
  @3   removed  bbbbbbbbbbbb  RUN rm -rf /etc
                deleted at /etc
package  base-files 12 amd64 (dpkg)
base     debian:12 (1 layer)
wasted   1.5kB in copies that nobody sees
`,
  );
});

test("instructionText: as people wrote it", () => {
  assert.equal(instructionText('/bin/sh -c #(nop)  CMD ["sh"]'), 'CMD ["sh"]');
  assert.equal(instructionText("RUN |1 A=b /bin/sh -c true # buildkit"), "RUN |1 A=b /bin/sh -c true");
  assert.equal(instructionText("x ".repeat(200)).length, 100);
});

test("overlayText: top first, whiteouts where they are", () => {
  const text = overlayText({
    kind: "container",
    id: "0123456789abcdef",
    name: "web",
    driver: "erofs",
    status: "running",
    merged: "/d/merged",
    mounted: true,
    options: "rw,lowerdir+=/a,upperdir=/d/diff,workdir=/d/work,uuid=on",
    upper: "/d/diff",
    work: "/d/work",
    lower: [
      { path: "/d-init/diff", kind: "init", whiteouts: [], opaque: [] },
      {
        path: "/l/diff",
        kind: "layer",
        diffId: "sha256:aaaaaaaaaaaaaaaa",
        createdBy: "COPY . .",
        filesystem: "erofs",
        source: "/layers/aa",
        whiteouts: [],
        opaque: ["/srv"],
      },
    ],
    changes: { files: 1, directories: 2, bytes: 3, whiteouts: ["/etc/motd"], opaque: [], truncated: false },
  });
  assert.equal(
    text,
    `container web  0123456789ab  running  (erofs)

merged     /d/merged
           mounted: rw,uuid=on
upper      /d/diff
           1 file (3B), 2 directories
           whiteouts (hide what is below):
             /etc/motd
work       /d/work
lower 1    /d-init/diff
           what the runtime mounts upon
lower 2    /l/diff
           layer aaaaaaaaaaaa  COPY . .
           erofs of /layers/aa
           opaque directories:
             /srv
`,
  );
});
