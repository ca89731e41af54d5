#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# differential.sh [COUNT [FIRST]]: COUNT cases of tests/lua/differential.lua, one for each seed
# from FIRST on, on as many processes as there are cores; 200000 from 1 on if not given. Fails
# if any differ, and prints the line that repeats each. FMP_BUILD: the build directory.
set -eu
cd "$(dirname "$0")/../.."
count=${1:-200000} first=${2:-1} build=${FMP_BUILD:-build}
export FMP_PLUGIN_PATH="${FMP_PLUGIN_PATH:-$build/lib/fmp/plugins}"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
jobs=$(nproc) part=1000
# A new process for each thousand, so that none runs for long.
seq "$first" "$part" $((first + count - 1)) | xargs -P "$jobs" -I SEED sh -c '
  left=$(($1 + $2 - $3))
  [ "$left" -lt "$4" ] || left=$4
  status=0
  "$5/bin/fmprun" tests/lua/differential_run.lua "$3" "$left" >"$6/$3" 2>&1 || status=$?
  [ "$status" -eq 0 ] || echo "$status" >"$6/$3.failed"
' differential "$first" "$count" SEED "$part" "$build" "$logs"

failed=0
for log in "$logs"/*.failed; do
  [ -e "$log" ] || break
  cat "${log%.failed}"
  failed=$((failed + 1))
done
# The last line of each counts.
cat "$logs"/*[0-9] | awk '
  / cases, .* differ, / { cases += $1; differ += $3; seconds += $5 }
  END { printf "%d cases, %d differ, %d s of %d processes\n", cases, differ, seconds, '"$jobs"' }'
[ "$failed" -eq 0 ]
