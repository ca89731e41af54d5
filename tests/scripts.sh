#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every script of ours is plain POSIX shell, as far as a shell can tell; Lua files are
# clean for luacheck.
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1
for script in $(find scripts tests .ci -name '*.sh' -o -path '.ci/run' | sort); do
  check "sh -n $script" sh -n "$script"
  if command -v dash >/dev/null; then check "dash -n $script" dash -n "$script"; fi
done
if command -v luacheck >/dev/null && [ -f .luacheckrc ]; then
  check "luacheck" luacheck -q lua plugins tests scripts
else
  skip "luacheck: not installed, or no .luacheckrc"
fi
finish
