#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Who may know of whom: plugins and backends see only the SDK's headers, the engine names
# no op and no backend, Lua sees only api.h.
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1
fmprun=$build/bin/fmprun

# -- plugins and backends: of ours only fmp/plugin.h, fmp/types.h, fmp/kit/* -------------
# A quoted include is ours; it may also name a file of the family's own directory.
own_file() { # FILE INCLUDED: does it lie in the family of FILE?
  family=$(echo "$1" | cut -d/ -f1,2)
  [ -f "$(dirname "$1")/$2" ] || return 1
  target=$(cd "$(dirname "$1")/$(dirname "$2")" && pwd)
  case $target in "$root/$family" | "$root/$family"/*) return 0 ;; esac
  return 1
}

foreign_includes() {
  find plugins backends -name '*.[ch]' -o -name '*.cc' -o -name '*.cpp' -o -name '*.cu' |
    sort | while read -r file; do
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]\([^>"]*\)[>"].*/\1/p' "$file" |
      while read -r included; do
        case $included in
          fmp/plugin.h | fmp/types.h | fmp/kit/*.h) ;;
          fmp/* | *engine/*) echo "$file includes $included" ;;
          *) grep -q "include[[:space:]]*\"$included\"" "$file" && ! own_file "$file" "$included" &&
               echo "$file includes $included" ;;
        esac
      done
  done
}
foreign_includes >"$scratch/wrong"
check_empty "plugins and backends include only the SDK" "$scratch/wrong"

# -- the engine: nothing of theirs ------------------------------------------------------
grep -nE '^[[:space:]]*#[[:space:]]*include.*(plugins|backends)/' engine/src/*.[ch] \
  engine/include/fmp/*.h engine/include/fmp/kit/*.h >"$scratch/wrong"
check_empty "the engine includes nothing of plugins or backends" "$scratch/wrong"

# No string in it equals the name of an op or of a backend.
"$fmprun" ops 2>"$scratch/log" | cut -d' ' -f1 >"$scratch/names"
ls backends >>"$scratch/names"
count=$(wc -l <"$scratch/names")
if [ "$count" -gt 40 ]; then
  pass "$count names of ops and backends to look for"
else
  fail "only $count names of ops and backends were found"
  cat "$scratch/log"
fi
# Comments are not strings, and the names of included files are not either.
for file in engine/src/*.c engine/src/*.h; do
  "${CC:-cc}" -fpreprocessed -E -P -x c "$file" | sed '/^[[:space:]]*#[[:space:]]*include/d'
done |
  grep -oE '"([^"\\]|\\.)*"' | sed 's/^"//; s/"$//' | sort -u >"$scratch/strings"
sort -u "$scratch/names" | comm -12 - "$scratch/strings" |
  sed 's/.*/engine\/src has the string "&"/' >"$scratch/wrong"
check_empty "no string of the engine is the name of an op or backend" "$scratch/wrong"

# -- Lua: only ffi.lua reaches the engine, by api.h and types.h --------------------------
# Others may use the FFI for system calls; the engine's functions and ffi.gc are not theirs.
sed -n 's/.*\(fmp_[a-z0-9_]*\)(.*/\1/p' engine/include/fmp/api.h | sort -u >"$scratch/api"
find lua -name '*.lua' | grep -v '^lua/fmp/ffi\.lua$' |
  xargs grep -nwF -e 'ffi.gc' -f "$scratch/api" >"$scratch/wrong"
check_empty "only lua/fmp/ffi.lua calls the engine by the FFI" "$scratch/wrong"
grep -rnE '[a-z_]+\.h\b' lua --include='*.lua' | grep -E 'cdef|open|declarations' |
  grep -vE '(api|types)\.h' >"$scratch/wrong"
check_empty "Lua reads no header but api.h and types.h" "$scratch/wrong"

# -- what is exported --------------------------------------------------------------------
for plugin in "$build"/lib/fmp/plugins/*.so; do
  nm -D --defined-only "$plugin" | awk '$2 ~ /[A-Z]/ {print $3}' |
    grep -v '^fmp_plugin_entry$' | sed "s|^|$(basename "$plugin") exports |"
done >"$scratch/wrong"
check_empty "a plugin exports its entry and nothing else" "$scratch/wrong"
nm -D --defined-only "$build/lib/libfmp.so" | awk '$2 ~ /[A-Z]/ {print $3}' |
  grep -vE '^fmp_[a-z]' >"$scratch/wrong"
check_empty "the library exports only fmp_*" "$scratch/wrong"
finish
