#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Training on real data, from FMP_DATA/mnist and FMP_DATA/cifar-100-binary. It takes many minutes,
# so no other test runs this one. FMP_BUILD: the build directory.
. "$(dirname "$0")/../lib.sh"

root=$(cd "$(dirname "$0")/../.." && pwd)
fmprun=${FMP_BUILD:-$root/build}/bin/fmprun
data=${FMP_DATA:-}

# The error of the last line of a log.
error_of() { sed -n '$s/^test error \([0-9.]*\) % .*/\1/p' "$1"; }

mnist() {
  for seed in 1 2 3; do
    "$fmprun" train_mnist.lua --data "$data/mnist" --epochs 3 --seed $seed >"$scratch/$seed" ||
      return 1
    tail -n 1 "$scratch/$seed"
    error_of "$scratch/$seed" >>"$scratch/errors"
  done
  awk '{ sum += $1 } END { printf "mean %.2f %%\n", sum / NR; exit !(NR == 3 && sum / NR <= 1.3) }' \
    "$scratch/errors"
}

cifar() {
  "$fmprun" train_cifar.lua --data "$data/cifar-100-binary" --width 16 --epochs 2 \
    >"$scratch/cifar" || return 1
  grep '^epoch ./2 .*test error' "$scratch/cifar"
  sed -n 's/^epoch .*test error \([0-9.]*\) %.*/\1/p' "$scratch/cifar" |
    awk '{ error[NR] = $1 } END { exit !(NR == 2 && error[2] < error[1] && error[1] < 99) }'
}

if [ -d "$data/mnist" ]; then
  check "MNIST: at most 1.3 % after 3 epochs, mean of 3 seeds" mnist
  cat "$scratch/log"
else
  skip "MNIST: FMP_DATA names no directory with mnist/"
fi
if [ -d "$data/cifar-100-binary" ]; then
  check "CIFAR-100: the error falls" cifar
  cat "$scratch/log"
else
  skip "CIFAR-100: FMP_DATA names no directory with cifar-100-binary/"
fi
finish
