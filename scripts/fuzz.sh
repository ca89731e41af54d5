#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh [SECONDS | --runs N] [NAME...]: searches with libFuzzer, under the address and undefined
# sanitizers, for files that crash, hang or fill the memory: all harnesses of tests/fuzz, or those
# named, two at once, SECONDS each (default 30) or N inputs each.
#
# Inputs that fail are left in build-fuzz/found/, and the corpus, which grows from seeds that the
# harnesses make themselves, in build-fuzz/corpus/NAME/. FMP_FUZZ_JOBS: how many run at once.
set -eu
cd "$(dirname "$0")/.."
. scripts/deps.sh

limit=-max_total_time=30
case ${1:-} in
  --runs) limit=-runs=$2 && shift 2 ;;
  [0-9]*) limit=-max_total_time=$1 && shift ;;
  -*) sed -n '3,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac

fmp_deps fuzz

build="build-fuzz"
mkdir -p $build/found
build_in() { # DIRECTORY TARGET PRESET: prints the log if it fails
  mkdir -p "$1"
  # Unquoted: several arguments.
  { cmake --preset "$3" -DBUILD_TESTING=ON ${FMP_CMAKE_ARGS:-} &&
    cmake --build "$1" -j "$(nproc)" --target "$2"; } >"$1/fuzz.log" 2>&1 ||
    { tail -n 40 "$1/fuzz.log" && exit 1; }
}
echo "== fuzz: build in build/ and $build/"
build_in build all release # the plugins, as they are
build_in $build fuzzers fuzz

names=$*
[ -n "$names" ] || names=$(find $build/tests/fuzz -type f -name 'fuzz_*' | sed 's/.*fuzz_//' | sort)

# Limits for one input: 10 seconds, 1 GB in all, half of that at once, 8 KB long.
export FMP_PLUGIN_PATH="$PWD/build/lib/fmp/plugins" ASAN_OPTIONS=quarantine_size_mb=16
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0" limit build
for name in $names; do
  mkdir -p "$build/corpus/$name"
  FMP_FUZZ_SEEDS=$build/corpus/$name "$build/tests/fuzz/fuzz_$name"
done
status=0
# shellcheck disable=SC2016 # what is quoted is for the shell of each
echo "$names" | tr ' ' '\n' | xargs -P "${FMP_FUZZ_JOBS:-2}" -I NAME sh -c '
  if "$build/tests/fuzz/fuzz_NAME" "$limit" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 \
    -max_len=8192 -artifact_prefix="$build/found/NAME-" -print_final_stats=1 \
    "$build/corpus/NAME" >"$build/fuzz_NAME.log" 2>&1; then
    sed -n "s/^stat::number_of_executed_units: */ok    NAME: inputs: /p" "$build/fuzz_NAME.log"
  else
    echo "FAIL  NAME"
    tail -n 40 "$build/fuzz_NAME.log"
    exit 1
  fi' || status=1
exit $status
