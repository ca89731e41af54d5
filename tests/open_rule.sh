#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files that users name are opened in one place for C, engine/include/fmp/kit/file.h, which takes
# regular files only. Every other way to open something is listed here, with the reason.
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1

# FILE: CALL, and why it may.
cat >"$scratch/allowed" <<'EOF'
engine/include/fmp/kit/file.h open     the one place
engine/src/base/aside.c open           a directory, and names of our own beside a file, never through links
engine/src/plugin/plugin.c dlopen      what fmp__shared_object_check has looked at
engine/src/plugin/plugin.c opendir     a directory of plugins, which cannot wait
plugins/math/matmul/openblas.c dlopen  a library by its soname
lua/fmp/libfmp.lua io.open             headers of the installation
lua/fmp/libfmp.lua dlopen              the library of the installation
lua/fmp/doc.lua io.open                Lua files of the installation
lua/fmp/newplugin.lua io.open          templates of the installation, and new files in a new directory
lua/fmp/data/drawn.lua io.open             new files, where none is
lua/fmp/system.lua opendir             a directory, which cannot wait
EOF

# Calls outside of comments, as "FILE CALL".
calls='(^|[^a-zA-Z0-9_.>])(open|openat|creat|fopen|freopen|fdopen|open64|dlopen|opendir|mkstemp)[[:space:]]*\('
{
  find engine backends plugins -name '*.[ch]' -o -name '*.inc' -o -name '*.cpp' | sort |
    while read -r file; do
      "${CC:-cc}" -fpreprocessed -dD -E -P -x c "$file" 2>/dev/null |
        grep -oE "$calls" | grep -oE '[a-z0-9]+' | sort -u | sed "s|^|$file |"
    done
  find lua -name '*.lua' | sort | while read -r file; do
    sed 's/--.*//' "$file" | grep -oE 'io\.(open|lines)|ffi\.C\.(open|fopen|opendir|dlopen)' |
      sed 's/^ffi\.C\.//' | sort -u | sed "s|^|$file |"
  done
} >"$scratch/found"
count=$(wc -l <"$scratch/found")
[ "$count" -ge 10 ] && pass "$count files open something" || fail "only $count calls were found"
awk 'NR == FNR { allowed[$1 " " $2] = 1; next } !allowed[$0]' "$scratch/allowed" "$scratch/found" \
  >"$scratch/wrong"
check_empty "files are opened by kit/file.h" "$scratch/wrong"
awk 'NR == FNR { found[$0] = 1; next } !found[$1 " " $2] { print $1, $2 }' "$scratch/found" \
  "$scratch/allowed" >"$scratch/wrong"
check_empty "every exception is still one" "$scratch/wrong"
finish
