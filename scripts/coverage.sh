#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# coverage.sh: which lines of the engine, the backends and the plugins the tests run. Builds
# in build-coverage/, runs the C tests, the Lua specs and the tests of the SDK, and prints a
# table for each part, with the lines that no test reached. engine/src, with engine/fmprun, must have at least
# 90 % (FMP_COVERAGE_MIN). Kernels for instruction sets that the processor does not have
# count as not reached.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

build="build-coverage"
fmp_deps coverage

echo "== coverage: build in $build/"
mkdir -p "$build"
cmake --preset coverage -DBUILD_TESTING=ON >"$build/configure.log" 2>&1 ||
  { cat "$build/configure.log" && exit 1; }
cmake --build "$build" -j "$(nproc)" >"$build/build.log" 2>&1 ||
  { grep -vE '^\[[0-9/]+\] (Building|Linking|Generating)' "$build/build.log" && exit 1; }
find "$build" -name '*.gcda' -delete

# The other shell tests look at sources, or build trees of their own.
echo "== coverage: test"
ctest --test-dir "$build" --no-tests=error --timeout 1800 \
  --output-on-failure -R '^(unit|spec|lua|far\.later)\.|^sh\.(embed|sdk|howto)$' >"$build/test.log" 2>&1 ||
  { grep -vE ' Passed |^ *Start ' "$build/test.log" && exit 1; }
tail -n 2 "$build/test.log"

report() { # DIRECTORY [MINIMUM]
  echo "== coverage: lines of $1"
  gcovr --root . --object-directory "$build" --filter "$1/" --gcov-ignore-parse-errors \
    --txt --fail-under-line "${2:-0}" | grep -vE '^(-+|GCC Code Coverage Report|Directory: .*)$'
}

status=0
report backends
report plugins
report engine "${FMP_COVERAGE_MIN:-90}" || status=1
exit "$status"
