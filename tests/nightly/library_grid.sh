#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# library_grid.sh [OPTIONS]: kernels that call oneDNN and OpenBLAS, on all shapes of the grids,
# against the reference: with the instructions that the processor has, and with AVX2 alone.
# Options are handed on: --sample N, --seed S, --jobs J. An hour of one core for each half.
set -eu
cd "$(dirname "$0")/../.."
build=${FMP_BUILD:-build}
grid=$build/tests/nightly/library_grid
plugins=$build/lib/fmp/plugins
export OMP_WAIT_POLICY=passive # threads of several processes share the cores
status=0

echo "-- as this processor is"
"$grid" "$plugins" conv "$@" || status=1
"$grid" "$plugins" matmul "$@" || status=1
echo "-- with AVX2"
export FMP_SIMD=avx2 DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 OPENBLAS_CORETYPE=Haswell
"$grid" "$plugins" conv "$@" || status=1
"$grid" "$plugins" matmul "$@" || status=1
exit $status
