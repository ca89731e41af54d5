#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How fmprun ends: output that does not arrive, limits, signals, and what FMP_LOG says.
. "$(dirname "$0")/lib.sh"
fmprun=$build/bin/fmprun

# ends WHAT STATUS PATTERN COMMAND: a command of sh that ends with this status, and prints on stderr
# one line with PATTERN in it, or nothing at all if that is "".
ends() {
  what=$1 wanted=$2 pattern=$3
  sh -c "$4" >"$scratch/out" 2>"$scratch/err"
  status=$?
  lines=$(wc -l <"$scratch/err")
  if [ -z "$pattern" ]; then said=$([ "$lines" -eq 0 ] && echo yes)
  else said=$([ "$lines" -eq 1 ] && grep -q -e "$pattern" "$scratch/err" && echo yes); fi
  if [ "$status" -eq "$wanted" ] && [ -n "$said" ]; then
    pass "$what"
  else
    fail "$what: status $status (expected $wanted), said: $(head -n 3 "$scratch/err")"
  fi
}

cat >"$scratch/train.lua" <<'END'
local fmp = require "fmp"
local batches = {batches = function() return 2 end}
function batches:epoch()
  local left = 2
  return function()
    left = left - 1
    if left >= 0 then return fmp.ones{4, 3}, fmp.zeros({4, dtype = "i32"}) end
  end
end
fmp.fit{net = fmp.nn.Sequential("n", fmp.nn.Linear(2)), loss = fmp.nn.CrossEntropy(),
        optim = fmp.optim.SGD{}, train = batches, epochs = 2}
END

# -- output that does not arrive ----------------------------------------------

full="fmprun: cannot write to the standard output"
ends "no room for what a script prints" 1 "$full: No space left" \
  "$fmprun -e 'print(1)' >/dev/full"
ends "no room for much" 1 "$full" "$fmprun -e 'for i = 1, 1e5 do print(i) end' >/dev/full"
ends "no room for what was flushed before" 1 "$full" \
  "$fmprun -e 'print(1) io.stdout:flush()' >/dev/full"
ends "no room, and os.exit" 1 "$full" "$fmprun -e 'print(1) os.exit(0)' >/dev/full"
ends "no room, and os.exit that closes" 1 "$full" "$fmprun -e 'print(1) os.exit(0, true)' >/dev/full"
for words in ops "ops relu" plugins --version --help; do
  ends "no room for $words" 1 "$full" "$fmprun $words >/dev/full"
done
ends "no room for the values of a prompt in a pipe" 1 "$full" "echo 1 + 1 | $fmprun >/dev/full"
ends "no room for a training's log" 1 "$full" "$fmprun $scratch/train.lua >/dev/full"
ends "no room for a report on stderr" 1 "" "$fmprun --profile -e 'x = 1' 2>/dev/full"
ends "an output that was closed before" 1 "$full" "$fmprun -e 'print(1)' >&-"
ends "one that was closed and is not used" 0 "" "$fmprun -e 'x = 1' >&-"
ends "an output in order" 0 "" "$fmprun ops"
ends "a training's log in order" 0 "" "$fmprun $scratch/train.lua"

# When the reader is gone, the writer ends by SIGPIPE, silently.
ends "a reader that goes" 0 "" "( $fmprun -e 'for i = 1, 1e6 do print(i) end'
  echo \$? >$scratch/status ) | head -n 1"
check_output "ends the writer by SIGPIPE" "^141$" cat "$scratch/status"

ends "a limit on the size of files" 1 "$full: File too large" \
  "ulimit -f 1; exec $fmprun -e 'for i = 1, 1e5 do print(i) end' >$scratch/big"
cat >"$scratch/limit.lua" <<'END'
local file = io.open(arg[1], "w")
local ok, why = file:write(("x"):rep(1e6))
if ok then ok, why = file:flush() end
io.stderr:write(tostring(why), "\n")
END
ends "is an error of the write" 0 "File too large" \
  "ulimit -f 1; exec $fmprun $scratch/limit.lua $scratch/big"
ends "programs that a script starts have it as ever" 0 "File size limit exceeded\|^$" \
  "ulimit -f 1; exec $fmprun -e 'os.execute(\"cat /dev/zero >$scratch/big; true\")'"

# -- signals ------------------------------------------------------------------

# signalled SIGNAL CODE [ENV-OPTION]: starts code that says when it runs, sends the signal, and
# puts the status into $status. Whatever this script's parents ignore, the code does not.
signalled() {
  rm -f "$scratch/out"
  env "${3:---default-signal=INT,TERM,HUP}" "$fmprun" -e "print 'ready' io.flush() $2" \
    >"$scratch/out" 2>"$scratch/err" &
  pid=$!
  while ! grep -q ready "$scratch/out" 2>/dev/null && kill -0 $pid 2>/dev/null; do sleep 0.05; done
  kill -s "$1" $pid
  wait $pid
  status=$?
}

expect_status() { # WHAT WANTED
  if [ "$status" -eq "$2" ]; then pass "$1"; else fail "$1: status $status, expected $2"; fi
}

endless="jit.off() while true do end"
signalled INT "$endless"
expect_status "Ctrl-C ends a script as SIGINT does" 130
check_output "and is said" "^fmprun: .*interrupted" cat "$scratch/err"
signalled INT "local x = fmp.ones{64, 64} while true do x:matmul(x):free() end"
expect_status "in the engine, too" 130
signalled INT "pcall(function() $endless end) os.exit(7)"
expect_status "a script may go on behind it and say its own status" 7
signalled INT "jit.off() local t = os.time() + 2 while os.time() < t do end" --ignore-signal=INT
expect_status "a SIGINT that was ignored from the start stays so" 0
signalled TERM "$endless"
expect_status "SIGTERM ends" 143
signalled HUP "$endless"
expect_status "SIGHUP ends" 129

# What a shell sees: a loop stops only if its command has died by the signal.
cat >"$scratch/killed.py" <<'END'
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
p = subprocess.Popen([sys.argv[1], "-e", "print 'ready' io.flush() jit.off() while true do end"],
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
p.stdout.readline()
p.send_signal(signal.SIGINT)
print("ended by", p.wait())
END
if command -v python3 >/dev/null; then
  check_output "the process has died by the signal" "^ended by -2$" \
    python3 "$scratch/killed.py" "$fmprun"
else
  skip "the process has died by the signal: python3 is not installed"
fi

# -- what is logged -----------------------------------------------------------

# A plugin that is refused is a warning, one that is skipped, information.
mkdir "$scratch/plugins"
echo "not a plugin" >"$scratch/plugins/fmp_bad.so"
logged() { # WHAT LEVEL YES|NO
  FMP_PLUGIN_PATH=$scratch/plugins FMP_LOG=$2 "$fmprun" -e "x = fmp" 2>"$scratch/err"
  got=$(grep -q "warning: plugin .*fmp_bad.so" "$scratch/err" && echo yes || echo no)
  if [ "$got" = "$3" ]; then pass "$1"; else fail "$1: $(cat "$scratch/err")"; fi
}
for level in warning info detail 1 2 3 99 ""; do logged "FMP_LOG=$level shows warnings" "$level" yes; done
for level in error 0; do logged "FMP_LOG=$level does not" "$level" no; done
for level in debug WARNING warn 1x -1 " "; do
  logged "FMP_LOG=$level is as if there were none" "$level" yes
  check_output "and is said" "FMP_LOG: expected error, warning, info, detail .*, got '$level'" \
    cat "$scratch/err"
done
check_output "a misspelt level is said where nothing else is" "FMP_LOG: expected .*, got 'debug'" \
  env FMP_LOG=debug "$fmprun" -e 'x = 1'
ends "levels that there are say nothing" 0 "" "FMP_LOG=warning $fmprun -e 'x = 1'"
finish
