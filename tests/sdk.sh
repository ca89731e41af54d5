#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The installed SDK alone: installs, moves the installation, and builds plugins and a
# program against it, outside of this tree.
. "$(dirname "$0")/lib.sh"
once_only
unset FMP_PLUGIN_PATH # that is the build tree

# -- install, then move: nothing in it may know where it was ------------------------------
check "installs" cmake --install "$build" --prefix "$scratch/first"
prefix="$scratch/moved here"
mv "$scratch/first" "$prefix"
fmprun=$prefix/bin/fmprun
for file in bin/fmprun lib/libfmp.so include/fmp/plugin.h share/fmp/lua/fmp/init.lua \
  share/fmp/cdef/api.h share/fmp/templates/plugin/CMakeLists.txt lib/cmake/fmp/fmpConfig.cmake \
  lib/pkgconfig/fmp.pc lib/fmp/plugins/fmp_cpu.so; do
  check "installed: $file" test -f "$prefix/$file"
done
grep -rIlF -e "$root" -e "$build" -e "$scratch/first" "$prefix" >"$scratch/wrong"
check_empty "no text in it names the tree, the build or the old place" "$scratch/wrong"
check_output "the moved fmprun computes" '^3$' "$fmprun" -e 'print((fmp.ops.add(fmp.tensor{1}, fmp.tensor{2})):item())'
cd / || exit 1

# -- a plugin with one of each thing ------------------------------------------------------
cp -r "$root/tests/plugin/sdk" "$scratch/plugin"
check "configures against the SDK" cmake -S "$scratch/plugin" -B "$scratch/plugin-build" \
  "-DCMAKE_PREFIX_PATH=$prefix"
check "builds in C and C++" cmake --build "$scratch/plugin-build"
check "does what it must" ctest --test-dir "$scratch/plugin-build" --output-on-failure --no-tests=error

# The flags with which a file is compiled here and there, except paths, names and warnings.
flags() { # DIRECTORY FILE
  sed -n "s/^ *\"command\": \"\(.*$2\)\",*\$/\1/p" "$1/compile_commands.json" | head -n 1 |
    tr ' ' '\n' | grep '^-' | grep -vE '^-(I|D|o|c|W|g|isystem)' | sort -u
}
chosen() { sed -n "s/^$1:[A-Z]*=/-D$1=/p" "$build/CMakeCache.txt"; }
cmake -S "$scratch/plugin" -B "$scratch/plugin-flags" "-DCMAKE_PREFIX_PATH=$prefix" \
  -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$(chosen CMAKE_BUILD_TYPE)" "$(chosen CMAKE_C_FLAGS)" \
  "$(chosen CMAKE_C_FLAGS_DEBUG)" >"$scratch/log" 2>&1
flags "$build" cube.c >"$scratch/ours"
flags "$scratch/plugin-flags" cube.c >"$scratch/theirs"
check "flags of a plugin here are known" grep -q fvisibility=hidden "$scratch/ours"
comm -3 "$scratch/ours" "$scratch/theirs" >"$scratch/wrong"
check_empty "a plugin of others is compiled as one of ours" "$scratch/wrong"
flags "$scratch/plugin-flags" hypot.cc >"$scratch/theirs"
check "one in C++ too: no contraction" grep -qx -e -ffp-contract=off "$scratch/theirs"

export FMP_PLUGIN_PATH="$scratch/plugin-build/plugins"
check_output "is documented" "The cube of each element, scaled." "$fmprun" ops sdk_cube
check_output "its attributes too" "factor in front of x^3" "$fmprun" ops sdk_cube
check_output "is listed" "one of each thing" "$fmprun" plugins
unset FMP_PLUGIN_PATH
for plugin in "$scratch"/plugin-build/plugins/*.so; do
  nm -D --defined-only "$plugin" | awk '$2 ~ /[A-Z]/ && $2 !~ /[VWu]/ {print $3}' | grep -v '^fmp_plugin_entry$'
  readelf -d "$plugin" | grep 'NEEDED.*libfmp'
done >"$scratch/wrong"
check_empty "exports its entry alone, and links nothing of fmp" "$scratch/wrong"

# -- kernels for an op of others, on a device of its own, with nothing but plugin.h --------------
cp -r "$root/tests/plugin/foreign" "$scratch/foreign"
check "foreign: configures" cmake -S "$scratch/foreign" -B "$scratch/foreign-build" \
  "-DCMAKE_PREFIX_PATH=$prefix"
check "foreign: builds" cmake --build "$scratch/foreign-build"
check "foreign: conv2d there is conv2d here" ctest --test-dir "$scratch/foreign-build" \
  --output-on-failure --no-tests=error

# -- fmprun new-plugin --------------------------------------------------------------------
new_plugin() { # DIRECTORY [--cxx]
  check "new-plugin $*" "$fmprun" new-plugin swish "$@"
  check "  configures" cmake -S "$1" -B "$1-build" "-DCMAKE_PREFIX_PATH=$prefix"
  check "  builds" cmake --build "$1-build"
  check "  passes its test" ctest --test-dir "$1-build" --output-on-failure --no-tests=error
}
new_plugin "$scratch/swish-c"
new_plugin "$scratch/swish-cxx" --cxx

# -- a program that embeds the library, found in both ways ---------------------------------
mkdir "$scratch/embed"
cp "$root/examples/embed.c" "$scratch/embed/"
cat >"$scratch/embed/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.25)
project(embed LANGUAGES C)
find_package(fmp 0.1 REQUIRED)
add_executable(embed embed.c)
target_link_libraries(embed PRIVATE fmp::fmp m)
EOF
check "embed: configures by find_package" cmake -S "$scratch/embed" -B "$scratch/embed-build" \
  "-DCMAKE_PREFIX_PATH=$prefix"
check "embed: builds" cmake --build "$scratch/embed-build"
check_output "embed: traces and saves" "saved" "$scratch/embed-build/embed" save "$scratch/m.safetensors"
check_output "embed: loads and runs" "batch of 7" "$scratch/embed-build/embed" run "$scratch/m.safetensors"

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
check "pkg-config knows it" pkg-config --exists 'fmp >= 0.1'
# Its flags escape the space in the path: the shell must read them once more.
check "embed: builds by pkg-config" sh -c "eval ${CC:-cc} -std=c11 -o '$scratch/embed/a.out' \
  '$root/examples/embed.c' \"\$(pkg-config --cflags --libs fmp)\" -lm '\"-Wl,-rpath,$prefix/lib\"'"
check_output "embed: runs the same file" "batch of 7" "$scratch/embed/a.out" run "$scratch/m.safetensors"
finish
