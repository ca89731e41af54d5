#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nightly.sh [NAME...]: checks that take too long for the tests: every script of tests/nightly/, or
# those named, at full length, on the build in build/. Says how long each took; the last line says
# what failed.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

fmp_deps test
echo "== release: configure and build in build/"
mkdir -p build
cmake --preset release -DBUILD_TESTING=ON ${FMP_CMAKE_ARGS:-} >build/configure.log 2>&1 ||
  { cat build/configure.log && exit 1; }
cmake --build build -j "$(nproc)" >build/build.log 2>&1 || { tail -n 40 build/build.log && exit 1; }

if [ $# -eq 0 ]; then
  for script in tests/nightly/*.sh; do set -- "$@" "$(basename "$script" .sh)"; done
fi
failed=
for name in "$@"; do
  begun=$(date +%s)
  echo "== $name"
  FMP_SOURCE=$PWD FMP_BUILD=$PWD/build sh "tests/nightly/$name.sh" || failed="$failed $name"
  echo "== $name: $(($(date +%s) - begun)) s"
done
if [ -n "$failed" ]; then
  echo "nightly: failed:$failed"
  exit 1
fi
echo "nightly: clean: $*"
