/** Variables in all the places and forms. */
import { differential, type BuildCase } from "./support/differential.ts";

/** Words, each as the value of a variable of its own. */
function words(name: string, list: readonly string[], more: Partial<BuildCase> = {}): BuildCase {
  const lines = list.map((word, index) => `ENV W${index}=${word}`);
  const dockerfile = `FROM BASE\nENV V=value E="" P=/usr/lib/x.tar.gz\nARG A=arg N\n${lines.join("\n")}`;
  return { name, dockerfile, ...more };
}

differential("expansion", [
  words("plain", ["$V", "${V}", "x${V}y", "$Vx", "$V.x", "$1", "$$", "$", "${E}", "$A", "x$N"]),
  words("quotes", [
    '"$V"',
    "'$V'",
    "\"'$V'\"",
    "'\"$V\"'",
    'a"b"c',
    "a'b'c",
    '"a b"',
    '"a\\"b"',
    "a\\ b",
    "\\$V",
    '"\\$V"',
    "'\\$V'",
  ]),
  words("defaults", ["${V:-d}", "${E:-d}", "${U:-d}", "${U-d}", "${E-d}", "${U:-$V}", "${U:-${W:-in}}", '${U:-"a b"}']),
  words("alternatives", ["${V:+a}", "${E:+a}", "${U:+a}", "${V+a}", "${E+a}", "${U+a}", "${V:+$P}"]),
  words("errors that do not come", ["${V:?no}", "${E?no}", "${V?}"]),
  words("prefixes", ["${P#/}", "${P#*/}", "${P##*/}", "${P#/usr}", "${P#none}", "${V#v?l}"]),
  words("suffixes", ["${P%.gz}", "${P%.*}", "${P%%.*}", "${P%/*}", "${P%%/*}", "${V%none}"]),
  words("replacements", ["${P/x/y}", "${P//\\//-}", "${P/usr}", "${V/a*e/X}", "${V//[al]/}"]),
  words("a bad name", ["${!V}"]),
  words("an open brace", ["${V"]),
  words("an unknown modifier", ["${V:=x}"]),
  words("an error that comes", ["${U:?it is needed}"]),
  words("an error of an empty value", ["${E:?}"]),
  words("a quote that is open", ['"abc']),
  {
    name: "in COPY",
    dockerfile: 'FROM BASE\nENV D=/t S=a\nCOPY $S ${D}/${S:-q}.x\nCOPY ["$S", "$D/y z"]',
    files: { a: "a" },
  },
  {
    name: "in USER, WORKDIR, STOPSIGNAL, EXPOSE, VOLUME",
    dockerfile: "FROM BASE\nENV A=web B=/w C=9 D=80\nUSER $A\nWORKDIR $B/$C\nSTOPSIGNAL $C\nEXPOSE $D/udp\nVOLUME $B",
  },
  {
    name: "not in CMD, ENTRYPOINT, RUN, HEALTHCHECK",
    dockerfile: 'FROM BASE\nENV A=1\nRUN echo \\$A $A > /x\nCMD echo $A\nENTRYPOINT ["$A"]\nHEALTHCHECK CMD echo $A',
  },
  { name: "not in ONBUILD", dockerfile: "FROM BASE\nENV A=1\nONBUILD ENV B=$A" },
  { name: "in LABEL names", dockerfile: 'FROM BASE\nENV A=n\nLABEL $A=1 "${A}2"=2' },
  { name: "in ENV names", dockerfile: "FROM BASE\nENV A=n\nENV $A=1 x${A}y=2" },
  { name: "with another escape", dockerfile: '# escape=`\nFROM BASE\nENV A=1\nENV B=`$A C=\\$A D="`"x`""' },
  { name: "in mounts", dockerfile: "FROM BASE\nARG T=/m\nRUN --mount=type=tmpfs,target=$T touch $T/x", files: {} },
  { name: "words of legacy ENV", dockerfile: "FROM BASE\nENV V=1\nENV A  x $V  y  \nENV B \"q $V\" 'r $V'" },
]);
