# SPDX-License-Identifier: Apache-2.0
# The fenced blocks of a Markdown page, numbered in order, as files of a directory:
#   awk -v dir=DIR -f fences.awk PAGE
#   ```sh                 NNN.sh    commands
#   ```LANGUAGE file=F    NNN.file  the file F, whose name is in NNN.name
#   ```lua                NNN.lua   a script
#   ```text               NNN.out   what the block before it prints; NNN is that block's
#   ```console            NNN.console  a recorded session, which another test has made
# Anything else is an error: a block that no test looks at is not to slip in.
/^```/ && !inside {
  inside = 1
  split(substr($0, 4), words, " ")
  if (words[1] == "text") {
    if (number == 0 || expected[number]++) fail("prints without a block of commands before it")
    target = sprintf("%s/%03d.out", dir, number)
  } else {
    number++
    if (words[2] ~ /^file=/) {
      print substr(words[2], 6) >sprintf("%s/%03d.name", dir, number)
      target = sprintf("%s/%03d.file", dir, number)
    } else if (words[1] == "sh" || words[1] == "lua" || words[1] == "console") {
      target = sprintf("%s/%03d.%s", dir, number, words[1])
    } else {
      fail("block of an unknown kind: " $0)
    }
    printf "%d\n", NR >sprintf("%s/%03d.line", dir, number)
  }
  printf "" >target
  next
}
/^```/ { inside = 0; close(target); next }
inside { print >target }
END { if (inside) fail("the last block is not closed") }
function fail(what) {
  printf "%s:%d: %s\n", FILENAME, NR, what >"/dev/stderr"
  exit 1
}
