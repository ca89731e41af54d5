#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# onednn3.sh [ROUNDS]: fetches oneDNN 3.x, builds this tree against it in build/onednn3/, runs
# the tests of convolutions, and times it beside the oneDNN of build/, in turn, A B A B: training
# steps, and convolutions alone. Says which is faster. ROUNDS is 3 if not given; 0: tests only.
#
# It takes, from Python's package index, the build that uses GNU's OpenMP, as everything else
# here does; the last of those is 3.2 (packages of 2023.2). The later packages, onednn and
# onednn-devel, contain a build for SYCL queues over TBB, which cannot use the processor without
# an OpenCL driver, and would have a second pool of threads.
#
# For another oneDNN, from a newer distribution, say: FMP_ONEDNN3=DIR with include/ and lib/.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

rounds=${1:-3} steps=5 threads=2
directory=build/onednn3
tree=$directory/build
export OMP_NUM_THREADS=$threads

case $rounds in
  '' | *[!0-9]*) sed -n '3,14s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

fmp_deps test
mkdir -p "$directory"

# -- the package ---------------------------------------------------------------

# Prints where include/ and lib/ are.
fetch() {
  package=$directory/package
  if [ ! -d "$package" ]; then
    ${PYTHON:-python3} -m pip download --quiet --no-deps --dest "$directory/wheels" \
      onednn-cpu-gomp onednn-devel-cpu-gomp >&2
    rm -rf "$package.new" && mkdir -p "$package.new"
    for wheel in "$directory"/wheels/*.whl; do
      ${PYTHON:-python3} -m zipfile -e "$wheel" "$package.new/unpacked"
    done
    # <name>.data/data/ is what pip would install below the prefix.
    for part in "$package.new"/unpacked/*.data/data/*; do cp -r "$part" "$package.new"; done
    rm -rf "$package.new/unpacked"
    mv "$package.new" "$package"
  fi
  echo "$PWD/$package"
}

onednn=${FMP_ONEDNN3:-$(fetch)}
library=$(find "$onednn/lib" -name 'libdnnl.so.3' | head -n 1)
[ -n "$library" ] || { echo "onednn3: no libdnnl.so.3 in $onednn/lib" >&2 && exit 1; }
runtime=$(readelf -d "$library" | grep -oE 'lib(gomp|iomp5|omp|tbb|sycl)\.so[.0-9]*' | tr '\n' ' ')
echo "== $library: threads by ${runtime:-none}"
case $runtime in
  libgomp.so*) ;;
  *) echo "onednn3: not GNU's OpenMP: it has threads of its own beside the others" >&2 ;;
esac

# -- build and test --------------------------------------------------------------

build() { # TREE [CMAKE ARGUMENTS]
  configured=$1
  shift
  cmake -S . -B "$configured" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo ${FMP_CMAKE_ARGS:-} "$@" \
    >"$directory/configure.log" 2>&1 || { cat "$directory/configure.log" && exit 1; }
  cmake --build "$configured" -j "$(nproc)" >"$directory/build.log" 2>&1 ||
    { tail -n 40 "$directory/build.log" && exit 1; }
}

echo "== build in $tree/, and in build/"
build "$tree" -DFMP_ONEDNN_INCLUDE="$onednn/include" -DFMP_ONEDNN_LIBRARY="$library"
build build
ctest --test-dir "$tree" --output-on-failure --no-tests=error -R 'conv2d|spec\.lua\.nn'
[ "$rounds" -gt 0 ] || exit 0

# -- beside the other ------------------------------------------------------------

cached() { sed -n "s/^$2:[^=]*=//p" "$1/CMakeCache.txt"; }

bare() { # TREE: builds bare_convs against the tree's oneDNN
  ${CC:-cc} -O2 -I"$(cached "$1" FMP_ONEDNN_INCLUDE)" scripts/bench/bare_convs.c \
    "$(cached "$1" FMP_ONEDNN_LIBRARY)" -o "$1/bare_convs" \
    -Wl,-rpath,"$(dirname "$(cached "$1" FMP_ONEDNN_LIBRARY)")"
}

version() { "$1/bare_convs" "$directory/mnist.shapes" f32 1 | sed -n '1s/^oneDNN \([0-9.]*\).*/\1/p'; }
milliseconds() { sed -n 's/^median \([0-9.]*\) ms.*/\1/p'; }
median() { sort -n "$1" | awk '{ a[NR] = $1 } END { print (a[int((NR + 1) / 2)] + a[int(NR / 2) + 1]) / 2 }'; }

for net in mnist cifar; do
  build/bin/fmprun scripts/bench/train_step.lua --net $net --shapes yes >"$directory/$net.shapes"
done
bare build
bare "$tree"
old=$(version build) new=$(version "$tree")

once() { # NET TREE NAME: one run of each, into files of milliseconds
  "$2/bin/fmprun" scripts/bench/train_step.lua --net "$1" --steps $steps --threads $threads |
    milliseconds >>"$directory/$1-step-$3.ms"
  "$2/bare_convs" "$directory/$1.shapes" f32 $steps | milliseconds >>"$directory/$1-bare-$3.ms"
}

report() { # NET WHAT
  before=$(median "$directory/$1-$2-old.ms") after=$(median "$directory/$1-$2-new.ms")
  awk -v net="$1" -v what="$2" -v a="$before" -v b="$after" -v old="$old" -v new="$new" 'BEGIN {
    printf "%s %s: oneDNN %s %.1f ms, oneDNN %s %.1f ms: ", net, what, old, a, new, b
    if (a > b) printf "%s is %.2f times faster\n", new, a / b
    else printf "%s is %.2f times faster\n", old, b / a
  }'
}

rm -f "$directory"/*.ms
for net in mnist cifar; do
  round=1
  while [ "$round" -le "$rounds" ]; do
    echo "== $net, round $round of $rounds"
    once $net build old
    once $net "$tree" new
    round=$((round + 1))
  done
done
for net in mnist cifar; do
  report $net step
  report $net bare
done
