#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint.sh [CHECK...]: all checks of the tree that do not run its tests, or only those named:
# format tidy lua shell licence status rule docs.
#
#   format   C and C++ as clang-format would write them (version 14, .clang-format)
#   tidy     clang-tidy on every C file of engine, backends and plugins (.clang-tidy)
#   lua      luacheck on all Lua (.luacheckrc)
#   shell    shellcheck on all shell scripts (.shellcheckrc)
#   licence  every source file names the licence in its first lines
#   status   no function's fmp_status is dropped (clang, tests/must_use.h)
#   rule     which parts may include which (tests/dependency_rule.sh)
#   docs     generated pages are up to date, paths and links lead somewhere (tests/docs.sh)
#
# Installs the packages that it needs, and builds what it looks at in build/. The last line
# says what failed.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

fmp_deps lint
build=build
log=$build/lint
mkdir -p "$log"

# Tracked files and new ones, of these patterns.
files() { git ls-files --cached --others --exclude-standard -- "$@" | sort -u; }

lint_format() {
  files '*.c' '*.h' '*.inc' '*.cc' '*.cpp' | xargs clang-format --dry-run --Werror
}

# clang-tidy prints its counts of suppressed warnings to stderr.
lint_tidy() {
  files 'engine/src/*.c' 'engine/fmprun/*.c' 'backends/*.c' 'plugins/*.c' |
    xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$build" 2>"$log/tidy.stderr"
}

lint_lua() { luacheck -q lua plugins tests scripts templates; }

lint_shell() { files '*.sh' .ci/run | xargs shellcheck --shell=sh; }

lint_licence() {
  without=$(files '*.c' '*.h' '*.inc' '*.cc' '*.cpp' '*.lua' '*.sh' '*.py' '*.cmake' '*CMakeLists.txt' |
    while read -r file; do
      head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
    done)
  [ -z "$without" ] || { echo "no SPDX line: $without" && return 1; }
}

lint_status() {
  # shellcheck disable=SC2046 # several flags
  files 'engine/src/*.c' 'engine/fmprun/*.c' 'backends/*.c' 'plugins/*.c' 'tests/fuzz/*.c' |
    xargs -n 8 clang -std=c11 -D_GNU_SOURCE -DFMP_VERSION='""' -DFMP_FUZZ_PLUGINS='""' \
      -DFMP_TEST_PLUGINS='""' \
      -Iengine/include -Iengine/src $(pkg-config --cflags jansson luajit libedit) -include tests/must_use.h \
      -Wno-everything -Wunused-result -Werror -fsyntax-only
}

lint_rule() { FMP_BUILD=$PWD/$build sh tests/dependency_rule.sh; }

lint_docs() {
  status=0
  env -u FMP_PLUGIN_PATH "$build/bin/fmprun" scripts/docs.lua --check || status=1
  FMP_BUILD=$PWD/$build sh tests/docs.sh || status=1
  return $status
}

# What the checks look at: compile commands, generated headers, fmprun.
echo "== lint: build in $build/"
cmake --preset release ${FMP_CMAKE_ARGS:-} >"$log/build" 2>&1 &&
  cmake --build "$build" -j "$(nproc)" >>"$log/build" 2>&1 ||
  { grep -vE '^\[[0-9/]+\] (Building|Linking|Generating)' "$log/build" && exit 1; }

all="format tidy lua shell licence status rule docs"
[ $# -gt 0 ] || set -- $all
failed=
for check in "$@"; do
  case " $all " in
    *" $check "*) ;;
    *) echo "lint: no check '$check'; there are: $all" >&2 && exit 2 ;;
  esac
  if "lint_$check" >"$log/$check" 2>&1; then
    echo "ok    $check"
  else
    echo "FAIL  $check"
    sed 's/^/      /' "$log/$check"
    failed="$failed $check"
  fi
done
if [ -n "$failed" ]; then
  echo "lint: failed:$failed"
  exit 1
fi
echo "lint: clean: $*"
