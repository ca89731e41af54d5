#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the pages name exists: files and directories of the tree, links, decisions.
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1
pages=$(git ls-files --cached --others --exclude-standard -- '*.md' | grep -v '^templates/')

# -- paths: whatever stands in code style and begins with a directory of the tree ---------
# `plugins/nn/conv2d/op.c`, `engine/src/`; <word> and * stand for any name.
directories=$(git ls-files | sed -n 's|/.*||p' | sort -u | paste -sd '|' - | sed 's/\./\\./g')
named() { # PAGE
  grep -oE '`[^`]+`' "$1" | tr -d '`' | tr ' ' '\n' | sed 's/[,;:.]*$//; s/<[a-z]*>/*/g' |
    grep -E "^($directories)/" | sort -u
}
# Made by a build, or by the user.
is_made() { case $1 in build/* | build-*/*) true ;; *) false ;; esac }

for page in $pages; do
  for path in $(named "$page"); do
    is_made "$path" && continue
    echo "$path" >>"$scratch/named"
    # Unquoted: the shell expands what * stands for.
    ls -d $path >"$scratch/log" 2>&1 || echo "$page names $path"
  done
done >"$scratch/wrong"
check_empty "every path that a page names is there: $(wc -l <"$scratch/named") of them" "$scratch/wrong"

# -- links --------------------------------------------------------------------------------
for page in $pages; do
  grep -oE '\]\([^)]+\)' "$page" | sed 's/^](//; s/)$//' | while read -r link; do
    case $link in
      http*) continue ;;
      \#*) target=$page anchor=${link#\#} ;;
      *\#*) target=$(dirname "$page")/${link%%#*} anchor=${link#*#} ;;
      *) target=$(dirname "$page")/$link anchor= ;;
    esac
    [ -e "$target" ] || echo "$page links to $link"
    [ -z "$anchor" ] || sed -n 's/^#* //p' "$target" | tr 'A-Z ' 'a-z-' | tr -d '`.,:?' |
      grep -qx -e "$anchor" || echo "$page links to $link: no such heading"
  done
done >"$scratch/wrong"
check_empty "every link leads somewhere" "$scratch/wrong"

# -- decisions ----------------------------------------------------------------------------
for file in docs/decisions/*.md; do
  name=$(basename "$file")
  [ "$name" = README.md ] && continue
  grep -qF "($name)" docs/decisions/README.md || echo "$file is not in docs/decisions/README.md"
done >"$scratch/wrong"
check_empty "the index of decisions has each" "$scratch/wrong"
finish
