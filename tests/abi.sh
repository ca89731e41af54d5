#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins of other ages: a plugin that was built against an older or a newer header of the same
# major version, with fewer or more fields in its structs, still works in full.
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1
fmprun=$build/bin/fmprun
unset FMP_PLUGIN_PATH
header=engine/include/fmp/plugin.h

# vary more|less: the header with two more fields at the end of each struct that can grow, or
# without the last field of those structs where that field is neither required nor used by the
# plugin below. A struct can grow if it begins with struct_size; rows of attributes by attr_size.
vary() {
  awk -v how="$1" '
    BEGIN {
      split("fmp_op_def fmp_backend_def fmp_host " \
            "fmp_kernel_args fmp_call fmp_range fmp_stream_args fmp_copy_args", names, " ")
      for (i in names) shorter[names[i]] = 1
    }
    function last_field(  i) { # where the last declaration begins
      for (i = n - 1; i > 0; i--) if (lines[i] ~ /;[ \t]*(\/\*.*)?$/ || lines[i] ~ /\*\/$/) return i + 1
    }
    /^(typedef )?struct fmp_[a-z_]+ \{$/ { inside = 1; n = 0; name = $0; sub(/^(typedef )?struct /, "", name); sub(/ .*/, "", name) }
    !inside { print; next }
    { lines[++n] = $0 }
    /^\}/ {
      grows = lines[2] ~ /size_t struct_size;/ || name == "fmp_attr_def"
      end = n
      n--
      if (how == "less") grows = grows && name in shorter
      if (grows && how == "less") n = last_field() - 1
      for (i = 1; i <= n; i++) print lines[i]
      if (grows && how == "more") print "  uint64_t of_tomorrow[2];"
      if (grows) changed++
      print lines[end]
      inside = 0
    }
    END { print changed > "/dev/stderr" }' "$header"
}

# The plugin with one of each thing, against a header of another age.
build_variant() { # more|less
  mkdir -p "$scratch/$1/include/fmp" "$scratch/$1/plugins"
  cp -r engine/include/fmp "$scratch/$1/include/"
  vary "$1" >"$scratch/$1/include/fmp/plugin.h" 2>"$scratch/changed"
  # shellcheck disable=SC2046 # several files
  "${CC:-cc}" -std=c11 -O1 -fPIC -shared -fvisibility=hidden -ffp-contract=off \
    -I"$scratch/$1/include" -o "$scratch/$1/plugins/fmp_sdktest.so" tests/plugin/sdk/*.c -lm
  "${CXX:-c++}" -std=c++17 -O1 -fPIC -shared -fvisibility=hidden -ffp-contract=off \
    -I"$scratch/$1/include" -o "$scratch/$1/plugins/fmp_sdkcxx.so" tests/plugin/sdk/*.cc -lm
}
for how in more less; do
  least=20
  [ $how = more ] || least=8 # the others end with a required field
  check "$how: builds" build_variant $how
  count=$(cat "$scratch/changed")
  [ "$count" -ge $least ] && pass "$how: $count structs differ" || fail "$how: only $count structs were found"
  cmp -s "$header" "$scratch/$how/include/fmp/plugin.h" && fail "$how: the header did not change"
  FMP_PLUGIN_PATH=$scratch/$how/plugins check "$how: does what it must" "$fmprun" tests/plugin/sdk/check.lua
done

# The smallest possible plugin, as built now and, once there are releases, as built for each.
for plugins in "$build/tests/plugins/kept" tests/plugin/kept/binaries/"$(uname -m)"/*; do
  [ -d "$plugins" ] || continue
  FMP_PLUGIN_PATH=$plugins check "kept: $(basename "$plugins")" "$fmprun" tests/plugin/kept/check.lua
done
finish
