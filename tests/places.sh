#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where fmprun finds its own parts: next to itself, whatever the paths are called and whatever
# is in the working directory or in LUA_PATH; and one engine per process.
. "$(dirname "$0")/lib.sh"
once_only
unset FMP_PLUGIN_PATH

check "installs" cmake --install "$build" --prefix "$scratch/plain"
works="print(fmp.ones{3}:sum():item(), fmp.optim.SGD{}.lr, type(fmp.args), #fmp.resources() > 0)"
wanted="^3.0\.01.function.true$"

# -- names of directories -----------------------------------------------------

for name in "with space" "semi;colon" "question?mark" "per%cent" "a:colon" "star*" "[brackets]" \
  'quote"s' "back\\slash" "-dash" "ümlaut"; do
  cp -r "$scratch/plain" "$scratch/$name"
  check_output "works in $name" "$wanted" "$scratch/$name/bin/fmprun" -e "$works"
  rm -r "${scratch:?}/$name"
done

# -- the user's paths ---------------------------------------------------------

# Everything that fmprun itself might look for, as traps.
mkdir -p "$scratch/traps/fmp" "$scratch/traps/scripts"
cat >"$scratch/trap.lua" <<'END'
io.stderr:write("EXECUTED ", ..., "\n")
return {}
END
for module in argparse ffi bit jit fmp libfmp fmprun init; do
  cp "$scratch/trap.lua" "$scratch/traps/$module.lua"
done
for file in "$scratch"/plain/share/fmp/lua/fmp/*.lua; do
  cp "$scratch/trap.lua" "$scratch/traps/fmp/$(basename "$file")"
done
fmprun=$scratch/plain/bin/fmprun

untouched() { # WHAT, then environment and command
  what=$1
  shift
  if (cd "$scratch/traps" && env "$@") >"$scratch/log" 2>&1 &&
    ! grep -q EXECUTED "$scratch/log"; then
    pass "$what"
  else
    fail "$what: $(head -n 3 "$scratch/log")"
  fi
}
cat >"$scratch/traps/own.lua" <<'END'
return {args = require("fmp").args, name = ...}
END
for path in "" ";;" "/nowhere/?.lua" "./?.lua" "./?.lua;./?/init.lua;;" ";" "?"; do
  untouched "runs code with LUA_PATH='$path'" "LUA_PATH=$path" "$fmprun" -e "$works"
  untouched "lists ops with LUA_PATH='$path'" "LUA_PATH=$path" "$fmprun" ops
done
untouched "runs code without LUA_PATH" "$fmprun" -e "$works"
untouched "tells its version" "$fmprun" --version
untouched "documents, completes and draws" "$fmprun" -e \
  'require "fmp.doc".modules() print(require("fmp.prompt.help").text("fmp.optim", _G))'
check_output "scripts require their own modules, which require fmp" "^own function$" \
  sh -c "cd '$scratch/traps' && '$fmprun' -e 'local m = require \"own\" print(m.name, type(m.args))' |
         tr '\t' ' '"
check_output "and modules that are called as fmprun's own parts" "^EXECUTED argparse$" \
  sh -c "cd '$scratch/traps' && '$fmprun' -e 'require \"argparse\"' 2>&1"
check_output "a module that there is none of is said" "module 'fmp.none' not found" \
  sh -c "! '$fmprun' -e 'require \"fmp.none\"' 2>&1"

# -- one engine ---------------------------------------------------------------

# How many files of the library the process has mapped.
engines='local seen, n = {}, 0
for line in io.lines "/proc/self/maps" do
  local path = line:match "%S*/libfmp%.so.*$"
  if path and not seen[path] then seen[path], n = true, n + 1 end
end
print("engines " .. n)'
check_output "one engine in an installation" "^engines 1$" "$fmprun" -e "$engines"
cp -rL "$scratch/plain" "$scratch/copied"
check_output "one in a copy without symbolic links" "^engines 1$" \
  "$scratch/copied/bin/fmprun" -e "$engines"
check_output "which works" "$wanted" "$scratch/copied/bin/fmprun" -e "$works"
env --default-signal=INT "$scratch/copied/bin/fmprun" -e \
  'print "ready" io.flush() local x = fmp.ones{64, 64} while true do x:matmul(x):free() end' \
  >"$scratch/out" 2>"$scratch/err" &
pid=$!
while ! grep -q ready "$scratch/out" && kill -0 $pid; do sleep 0.05; done
kill -INT $pid
wait $pid
check_output "and is stopped by Ctrl-C" "interrupted" cat "$scratch/err"

if command -v luajit >/dev/null; then
  for tree in plain copied; do
    check_output "a plain luajit, $tree" "$wanted" env \
      "LUA_PATH=$scratch/$tree/share/fmp/lua/?.lua;$scratch/$tree/share/fmp/lua/?/init.lua;;" \
      luajit -e "fmp = require 'fmp' $works"
    check_output "has one, too" "^engines 1$" env \
      "LUA_PATH=$scratch/$tree/share/fmp/lua/?.lua;$scratch/$tree/share/fmp/lua/?/init.lua;;" \
      luajit -e "fmp = require 'fmp' $engines"
  done
else
  skip "a plain luajit: it is not installed"
fi
finish
