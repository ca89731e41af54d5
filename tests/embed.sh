#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example that embeds the library: saves a network in one process, runs it in another.
. "$(dirname "$0")/lib.sh"
embed=$build/examples/embed
check_output "runs op by op" "op by op: batch of 2" "$embed" save "$scratch/m.safetensors"
for rows in 1 4 7; do
  check_output "runs from the file, batch of $rows" "file: batch of $rows is right" \
    "$embed" run "$scratch/m.safetensors"
done
if "$embed" run "$scratch/missing" 2>"$scratch/said"; then
  fail "a missing file was accepted"
else
  check_output "a missing file is one clear line" "^embed: load: .*missing" cat "$scratch/said"
fi
finish
