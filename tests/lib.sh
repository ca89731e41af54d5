# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034 # what it sets is for those who source it
# Sourced by the shell tests: counts, and a scratch directory that goes when they end.
# A test sets nothing but FMP_BUILD (default: build) and calls pass, fail, skip or check,
# and `finish` last.

root=$(cd "$(dirname "$0")/.." && pwd)
build=${FMP_BUILD:-$root/build}
export LC_ALL=C # comm and sort must agree on an order
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)) && echo "ok    $*"; }
fail() { failed=$((failed + 1)) && echo "FAIL  $*"; }
skip() { skipped=$((skipped + 1)) && echo "skip  $*"; }

# check WHAT COMMAND...: passes if the command does; else shows its output.
check() {
  what=$1
  shift
  if "$@" >"$scratch/log" 2>&1; then
    pass "$what"
  else
    fail "$what: $*"
    tail -n 40 "$scratch/log" | sed 's/^/      /'
  fi
}

# check_output WHAT PATTERN COMMAND...: it must succeed and print PATTERN (grep's).
check_output() {
  what=$1 pattern=$2
  shift 2
  if "$@" >"$scratch/log" 2>&1 && grep -q -e "$pattern" "$scratch/log"; then
    pass "$what"
  else
    fail "$what: $* (expected '$pattern')"
    tail -n 40 "$scratch/log" | sed 's/^/      /'
  fi
}

# check_empty WHAT FILE: the file lists what is wrong, one thing a line.
check_empty() {
  if [ -s "$2" ]; then
    fail "$1"
    sed 's/^/      /' "$2"
  else
    pass "$1"
  fi
}

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit $?
}

# Tests that say nothing about the engine's memory or threads run once, without sanitizers.
once_only() {
  if [ -n "${FMP_SANITIZE:-}" ]; then
    skip "$(basename "$0"): runs in the build without sanitizers"
    finish
  fi
}
