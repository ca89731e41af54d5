# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # $root and $scratch are of lib.sh
# Sourced after lib.sh by the tests that follow a page: its blocks as a reader would copy
# them, in order, in one shell. See fences.awk for the kinds of block.

# page_read PAGE: takes its blocks apart.
page_read() {
  page=$1
  blocks=$scratch/blocks
  mkdir "$blocks"
  check "the blocks of $(basename "$page")" awk -v dir="$blocks" -f "$root/tests/fences.awk" "$page"
}

# The environment and the directory go from block to block, as in one shell.
run_block() { # BLOCK: FILE.sh or FILE.lua
  case $1 in
    *.sh) command=". '$1'" ;;
    *.lua) command="fmprun '$1'" ;;
  esac
  sh -eu -c ". '$blocks/state'
    $command
    { export -p && printf \"cd '%s'\n\" \"\$PWD\"; } >'$blocks/state'"
}

# What a block prints: both streams, as on a terminal.
follow_block() { # NNN.sh or NNN.lua
  stem=${1%.*}
  where=$(basename "$page"):$(cat "$stem.line")
  if ! run_block "$1" >"$stem.got" 2>&1 </dev/null; then
    fail "$where fails"
    tail -n 40 "$stem.got" | sed 's/^/      /'
  elif [ -f "$stem.out" ] && ! diff "$stem.out" "$stem.got" >"$stem.diff"; then
    fail "$where prints something else (<: expected, >: printed)"
    sed 's/^/      /' "$stem.diff"
  else
    pass "$where$([ -f "$stem.out" ] && echo ", and prints what the page says")"
  fi
}

write_block() { # NNN.name: the file of that name in the directory of the last block
  # shellcheck source=/dev/null
  (. "$blocks/state" && cat "${1%.name}.file" >"$(cat "$1")") || fail "cannot write $(cat "$1")"
}

# page_follow DIRECTORY: begins there. A test may define page_skip, which is asked for each
# block whether it is run elsewhere, and says so.
page_follow() {
  { export -p && printf "cd '%s'\n" "$1"; } >"$blocks/state"
  for block in "$blocks"/*.name "$blocks"/*.sh "$blocks"/*.lua; do
    [ -f "$block" ] && echo "$block"
  done | sort >"$blocks/order"
  while read -r block; do
    case $block in
      *.name) write_block "$block" ;;
      *) page_skip "$block" || follow_block "$block" ;;
    esac
  done <"$blocks/order"
}

page_skip() { return 1; }
