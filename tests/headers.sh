#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every public header compiles alone, in C11 and in C++17; every C file of ours compiles
# without a warning; with gcc and with clang.
# shellcheck disable=SC2089,SC2090 # the quotes in $defines are for the compiler
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1

warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror"
flags="-Iengine/include -Iengine/src $(pkg-config --cflags jansson luajit cmocka 2>/dev/null)"
defines="-DFMP_VERSION=\"0\" -DFMP_TEST_VERSION=\"0\" -DFMP_TEST_PLUGINS=\"x\" -DFMP_FUZZ_PLUGINS=\"x\""

headers() { find engine/include -name '*.h' | sort | sed 's|^engine/include/||'; }
sources() { find engine/src engine/fmprun plugins backends tests examples -name '*.c' | sort; }

# alone COMPILER LANGUAGE STANDARD: one line for each header that does not stand alone.
alone() {
  for header in $(headers); do
    echo "#include \"$header\"" >"$scratch/header.$2"
    $1 -std=$3 $warnings -Wno-unused-function -x $2 $flags -fsyntax-only "$scratch/header.$2" \
      || echo "$header"
  done
}

# The sources of each directory may include what lies beside them and in their family.
compile_all() {
  for source in $(sources); do
    $1 -std=c11 $warnings $flags $defines -fsyntax-only "$source" || echo "$source"
  done
}

for pair in "gcc g++" "clang clang++"; do
  cc=${pair% *} cxx=${pair#* }
  if ! command -v "$cc" >/dev/null || ! command -v "$cxx" >/dev/null; then
    skip "$cc, $cxx: not installed"
    continue
  fi
  alone "$cc" c c11 >"$scratch/wrong" 2>&1
  check_empty "$cc: each header alone in C11" "$scratch/wrong"
  alone "$cxx" c++ c++17 >"$scratch/wrong" 2>&1
  check_empty "$cxx: each header alone in C++17" "$scratch/wrong"
  compile_all "$cc" >"$scratch/wrong" 2>&1
  check_empty "$cc: each C file without a warning" "$scratch/wrong"
done
finish
