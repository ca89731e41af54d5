#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh [OPTIONS of train_cifar.lua]: from a bare Debian 12 to a trained network.
# Installs the packages that a build and a run need, builds into build/, trains a network
# with fractional max pooling on drawn shapes, and prints its error at the end. Asks nothing.
# When run again it does only what is missing, and trains.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

fmp_deps build

# An existing build directory keeps its settings; a new one leaves out the tests, which
# need more packages: scripts/test.sh adds them.
mkdir -p build
if [ -f build/CMakeCache.txt ]; then tests=; else tests=-DBUILD_TESTING=OFF; fi

echo "quickstart: building in build/"
# Unquoted: an argument or none.
cmake --preset release $tests >build/configure.log 2>&1 ||
  { cat build/configure.log >&2 && exit 1; }
cmake --build build -j "$(nproc)" >build/build.log 2>&1 ||
  { grep -vE '^\[[0-9/]+\] (Building|Linking|Generating)' build/build.log >&2 && exit 1; }

echo "quickstart: build/bin/fmprun train_cifar.lua $*"
exec build/bin/fmprun train_cifar.lua "$@"
