#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The benchmarks run, on small inputs, and print the lines that other programs read. What they
# measure is not checked.
. "$(dirname "$0")/lib.sh"
once_only
cd "$root" || exit 1
fmprun=$build/bin/fmprun
bench=scripts/bench

for net in mnist cifar; do
  check_output "train_step: $net" '^median [0-9.]* ms, [0-9]* images/s$' \
    "$fmprun" $bench/train_step.lua --net $net --width 2 --batch 2 --steps 2 --warmup 1 --threads 1
  cp "$scratch/log" "$scratch/step"
  check "train_step: that is its last line" \
    sh -c 'tail -n 1 "$0" | grep -q "^median "' "$scratch/step"
done
check_output "train_step: without rewrites" 'rewrites off' "$fmprun" $bench/train_step.lua \
  --width 2 --batch 2 --steps 1 --warmup 1 --rewrites false
"$fmprun" $bench/train_step.lua --shapes yes --batch 2 --width 2 >"$scratch/shapes"
check_output "train_step: the network's layers" '^conv 2 25 2 4 2 17$' cat "$scratch/shapes"
check_output "train_step: and its last" '^linear 16 10$' cat "$scratch/shapes"
check_output "fmp_op" '^pool_ms 1 256 44 35 [0-9.]* [0-9.]* [0-9.]* [0-9]*$' \
  "$fmprun" $bench/fmp_op.lua --batch 1 --rounds 1
check_output "fmp_op: fixed windows, for each example" '^pool_ms 2 32 35 25 ' \
  "$fmprun" $bench/fmp_op.lua --batch 2 --rounds 1 --window fixed --per sample
check_output "conv_op" '^conv_ms back_weights [0-9.]* [0-9.]* [0-9.]*$' \
  "$fmprun" $bench/conv_op.lua --width 4 --batch 2 --rounds 1
check_output "dispatch" '^node_ns [-0-9.]*$' \
  "$fmprun" $bench/dispatch.lua --rounds 1 --calls 10 --nodes 5 --replays 2
check_output "plan_size" '^rewrites_ms 12 [0-9.]*$' \
  "$fmprun" $bench/plan_size.lua --n 3 --rounds 1

# Against the oneDNN that the build was made with.
cached() { sed -n "s/^$1:[^=]*=//p" "$build/CMakeCache.txt"; }
library=$(cached FMP_ONEDNN_LIBRARY)
check "bare_convs: builds without a warning" "${CC:-cc}" -std=c11 -O2 -Wall -Wextra -Wpedantic \
  -Wconversion -Werror -I"$(cached FMP_ONEDNN_INCLUDE)" $bench/bare_convs.c "$library" \
  -Wl,-rpath,"$(dirname "$library")" -o "$scratch/bare_convs"
check_output "bare_convs" '^median [0-9.]* ms, [0-9]* GF/s$' \
  "$scratch/bare_convs" "$scratch/shapes" f32 2
check_output "bare_convs: no layers" "expected lines 'conv BATCH" \
  sh -c '"$0" /dev/null 2>&1 || [ $? -eq 1 ]' "$scratch/bare_convs"

# What compare.sh makes of figures: medians of rounds, and ratios.
row() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$scratch/results.tsv"; }
for ms in 10 30 20; do row mnist "fmp, f32" ms $ms; done
for ms in 50 40; do row mnist "PyTorch eager, NCHW" ms $ms; done
row mnist "PyTorch bf16, NCHW" ms 5
row mnist "TensorFlow tf.function" failed "no such module"
for sums in "40 20 10" "20 20 10" "60 20 10"; do row conv_ms cifar figures "forward $sums"; done
row pool_ms fmp figures "100 32 35 25 1 2 0.5 1000000"
row pool_ms PyTorch figures "100 32 35 25 20 6 0.5 1000000"
printf 'before\n<!-- compare.sh: begin -->\nold\n<!-- compare.sh: end -->\nafter\n' >"$scratch/doc.md"
check "table" "$fmprun" $bench/table.lua "$scratch/results.tsv" "$scratch/doc.md"
for line in '| fmp, f32 | 20.0 | 10.0 to 30.0 | 1.00 |' \
  '| PyTorch eager, NCHW | 45.0 | 40.0 to 50.0 | 2.25 |' \
  '| mnist: best PyTorch f32 / fmp f32 | 2.25 |' \
  '| pooling forward: PyTorch / fmp, geometric mean | 20.0 |' \
  '| cifar, forward | 40.0 ms | 20.0 ms, 2.00 times as fast | 10.0 ms, 4.00 times |' \
  '| TensorFlow tf.function | not run: no such module | | |' before after; do
  check "table: $line" grep -qxF "$line" "$scratch/doc.md"
done
check "table: the old one is gone" sh -c '! grep -q "^old" "$0"' "$scratch/doc.md"
check_output "table: no marks" 'expected the marks' sh -c \
  'echo text >"$2"; "$0" scripts/bench/table.lua "$1" "$2" 2>&1 || [ $? -eq 1 ]' \
  "$fmprun" "$scratch/results.tsv" "$scratch/empty.md"

if command -v python3 >/dev/null; then
  for file in "$bench"/*.py; do
    check "$file parses" python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$file"
  done
else
  skip "the peers' programs: no python3"
fi
check_output "compare.sh: an option that is not one" 'no option --fast' \
  sh -c 'sh scripts/bench/compare.sh --fast 2>&1 || [ $? -eq 2 ]'
finish
