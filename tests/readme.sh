#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# readme.sh [--all]: README.md read from top to bottom on a clean clone, every command of it
# run as it stands. With --all from nothing, so the quickstart builds; otherwise the build
# that is being tested stands in for what the quickstart built.
. "$(dirname "$0")/lib.sh"
once_only
. "$root/tests/page.sh"
unset FMP_PLUGIN_PATH FMP_SOURCE # of the build tree
all=${1:-}

# What is not run here, and why, and where it is: a pattern of the command, the reason.
elsewhere() { # COMMAND
  case $1 in
    "sh scripts/test.sh "*) echo "this test is a part of it; .ci/run begins with it" ;;
    "sh scripts/quickstart.sh "*)
      [ -n "$all" ] || echo "builds and trains for minutes; .ci/run does it by readme.sh --all" ;;
    "cmake --install build "*)
      [ -n "$all" ] || echo "build/ is an installation here; sdk, howto and readme.sh --all do it" ;;
    *'$FMP_DATA'*)
      if [ -z "$all" ]; then
        echo "trains for half an hour; readme.sh --all does it"
      elif [ ! -d "${FMP_DATA:-}" ]; then
        echo "FMP_DATA names no directory with the data"
      fi ;;
  esac
}

page_skip() { # BLOCK
  why=$(elsewhere "$(head -n 1 "$1")")
  [ -n "$why" ] || return 1
  skip "$(head -n 1 "$1"): $why"
}

check "a clean clone" git clone -q "$root" "$scratch/clone"
if [ -z "$all" ]; then
  check "an installation as build/" cmake --install "$build" --prefix "$scratch/clone/build"
  export PATH="$scratch/clone/build/bin:$PATH" CMAKE_PREFIX_PATH="$scratch/clone/build"
fi
page_read "$scratch/clone/README.md"
page_follow "$scratch/clone"

# -- nothing but what README says has come into the clone ---------------------------------
git -C "$scratch/clone" status --porcelain |
  grep -vE '^\?\? (example\.lua|prefix/|swish/|swish-build/)$' >"$scratch/wrong"
check_empty "the clone is otherwise as it was" "$scratch/wrong"
finish
