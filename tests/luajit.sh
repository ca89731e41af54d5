#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library in a plain luajit, without fmprun.
. "$(dirname "$0")/lib.sh"
if [ -n "${FMP_SANITIZE:-}" ]; then
  skip "a sanitized library cannot be loaded into a luajit that is not"
  finish
fi
if ! command -v luajit >/dev/null; then
  skip "luajit is not installed"
  finish
fi
export LUA_PATH="$build/share/fmp/lua/?.lua;$build/share/fmp/lua/?/init.lua;;"
check_output "computes, differentiates, trains, fails with a line number" 'smoke: ok' \
  luajit "$root/tests/lua/smoke.lua"
finish
