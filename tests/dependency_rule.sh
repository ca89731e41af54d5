#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Which parts may depend on which: plugins and backends see only the SDK's headers, the engine
# names no op and no backend, Lua sees only api.h.
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
  find plugins backends -name '*.[ch]' -o -name '*.inc' -o -name '*.cc' -o -name '*.cpp' -o -name '*.cu' |
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
grep -nE '^[[:space:]]*#[[:space:]]*include.*(plugins|backends)/' engine/src/*/*.[ch] engine/fmprun/*.[ch] \
  engine/include/fmp/*.h engine/include/fmp/kit/*.h >"$scratch/wrong"
check_empty "the engine includes nothing of plugins or backends" "$scratch/wrong"

# -- the engine's floors: a folder includes itself, those before it, and public headers ----
floors="base define device kernel graph emit plan file plugin"

# upward DIRECTORY: the includes of its floors that are not allowed.
upward() {
  find "$1" -name '*.[ch]' -o -name '*.inc' | sort | while read -r file; do
    floor=$(basename "$(dirname "$file")")
    allowed="fmp ${floors%%"$floor"*}$floor"
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" |
      while read -r included; do
        case " $allowed " in
          *" ${included%%/*} "*) ;;
          *) echo "$file includes $included" ;;
        esac
      done
  done
}
for folder in engine/src/*; do
  case " $floors " in *" $(basename "$folder") "*) ;; *) echo "$folder is no floor" ;; esac
done >"$scratch/wrong"
check_empty "every folder of engine/src is a floor" "$scratch/wrong"
upward engine/src >"$scratch/wrong"
check_empty "no floor includes one above it" "$scratch/wrong"
# The rule must be seen to find a violation.
mkdir -p "$scratch/house"
cp -r engine/src/base engine/src/emit "$scratch/house"
echo '#include "emit/emit.h"' >>"$scratch/house/base/text.c"
echo '#include "record.h"' >"$scratch/house/emit/planted.inc"
upward "$scratch/house" | sed 's|.*/house/||' >"$scratch/log"
printf '%s\n' 'base/text.c includes emit/emit.h' 'emit/planted.inc includes record.h' |
  cmp -s - "$scratch/log" && pass "planted includes are found" || fail "planted includes: $(cat "$scratch/log")"

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
for file in engine/src/*/*.[ch] engine/fmprun/*.[ch]; do
  "${CC:-cc}" -fpreprocessed -E -P -x c "$file" | sed '/^[[:space:]]*#[[:space:]]*include/d'
done |
  grep -oE '"([^"\\]|\\.)*"' | sed 's/^"//; s/"$//' | sort -u >"$scratch/strings"
sort -u "$scratch/names" | comm -12 - "$scratch/strings" |
  sed 's/.*/engine\/src has the string "&"/' >"$scratch/wrong"
check_empty "no string of the engine is the name of an op or backend" "$scratch/wrong"

# -- Lua: only ffi.lua and ffi/ reach the engine, by api.h and types.h --------------------------
# Others may use the FFI for system calls; the engine's functions and ffi.gc are not theirs.
sed -n 's/.*\(fmp_[a-z0-9_]*\)(.*/\1/p' engine/include/fmp/api.h | sort -u >"$scratch/api"
find lua -name '*.lua' | grep -v -e '^lua/fmp/ffi\.lua$' -e '^lua/fmp/ffi/' |
  xargs grep -nwF -e 'ffi.gc' -f "$scratch/api" >"$scratch/wrong"
check_empty "only lua/fmp/ffi.lua and ffi/ call the engine by the FFI" "$scratch/wrong"
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
