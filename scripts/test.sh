#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test.sh [--asan | --tsan] [NAME...]: builds and runs all tests, or those whose names
# contain a NAME: unit.plugin, spec.nn, conv2d, sh.sdk ...
#
#   --asan  with the address and undefined sanitizers, in build-asan/
#   --tsan  with the thread sanitizer, in build-tsan/: the C tests only, since it does not see
#           Lua's compiled code and the libraries' threads
#
# FMP_CMAKE_ARGS is passed to cmake. Skipped tests are listed with the reason; the last line
# counts those that passed, failed and were skipped, by whatever runner.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

preset=release build=build only=
case ${1:-} in
  --asan) preset=asan build=build-asan && shift ;;
  --tsan) preset=tsan build=build-tsan only='^(unit|fuzz)\.' && shift ;;
  -*) sed -n '3,13s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

names=
for name in "$@"; do names="${names:+$names|}$name"; done
if [ -n "$names" ]; then select="$only.*($names)"; else select=$only; fi

fmp_deps test

echo "== $preset: configure and build in $build/"
# Unquoted: several arguments.
mkdir -p "$build"
cmake --preset "$preset" -DBUILD_TESTING=ON ${FMP_CMAKE_ARGS:-} >"$build/configure.log" 2>&1 ||
  { cat "$build/configure.log" && exit 1; }
cmake --build "$build" -j "$(nproc)" >"$build/build.log" 2>&1 ||
  { grep -vE '^\[[0-9/]+\] (Building|Linking|Generating)' "$build/build.log" && exit 1; }

echo "== $preset: test"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 900 \
  ${select:+-R "$select"} || status=$?

# LastTest.log has the output of every runner; each reports its counts, and what it skipped, in
# its own way: busted in three lines, others in one. A test that failed without counting
# a failure (it crashed, it timed out) counts as one failure.
awk '
  function close_test() {
    if (in_test != "" && result == "failed" && test_failed == 0) test_failed = 1
    failed += test_failed
    in_test = ""
  }
  /^[0-9]+\/[0-9]+ Testing: / { close_test(); in_test = $3; test_failed = 0; result = "" }
  pending == 1 { what = $0 }
  pending == 2 { print "skipped: " in_test ": " what ": " $0 }
  { pending = /^Pending -> / ? 1 : pending == 1 ? 2 : 0 }
  /^skip(ped:)? / { sub(/^skip(ped:)? +/, ""); print "skipped: " in_test ": " $0 }
  /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
  /^\[  FAILED  \] [0-9]+ test/ { test_failed += $4 }
  /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
  /^[0-9]+ success(es)? \/ [0-9]+ failures? \/ [0-9]+ errors? \/ [0-9]+ pending/ {
    passed += $1; test_failed += $4 + $7; skipped += $10
  }
  /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ {
    passed += $1; test_failed += $3; skipped += $5
  }
  /^Test Failed\./ { result = "failed" }
  END {
    close_test()
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit failed > 0
  }
' "$build/Testing/Temporary/LastTest.log" || status=1
exit "$status"
