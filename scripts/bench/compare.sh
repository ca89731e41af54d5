#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compare.sh [OPTIONS]: measures fmp beside PyTorch and TensorFlow on this machine, in turn,
# A B A B, and prints one table of medians and ratios; see docs/benchmarks.md.
#
#   --nets "mnist cifar"  whose training steps; "" for none
#   --rounds 3            how often everything is run; medians are over these
#   --steps 10            timed steps in each run
#   --threads 2           threads of each program
#   --venv DIR            the Python environment (build/bench-venv). PyTorch and TensorFlow are
#                         installed into it if they are missing: several GB, since the package
#                         index has PyTorch for GPUs only
#   --no-torch  --no-tensorflow  --no-compile    without these
#   --into FILE           also writes the table between the marks of this document
#
# FMP_BUILD: the build directory (build). The measurements are left in it, in bench/results.tsv,
# and the programs' output in bench/*.log.
set -eu
cd "$(dirname "$0")/../.."

usage() { sed -n '3,18s/^# \{0,1\}//p' scripts/bench/compare.sh; }

build=${FMP_BUILD:-build} venv='' document=''
nets='mnist cifar' rounds=3 steps=10 threads=2 torch=yes tensorflow=yes compile=yes
while [ $# -gt 0 ]; do
  case $1 in
    --no-torch) torch=no ;;
    --no-tensorflow) tensorflow=no ;;
    --no-compile) compile=no ;;
    --help) usage && exit 0 ;;
    --nets | --rounds | --steps | --threads | --venv | --into)
      [ $# -ge 2 ] || { echo "compare: $1 needs a value" >&2 && exit 2; }
      case $1 in
        --nets) nets=$2 ;;
        --rounds) rounds=$2 ;;
        --steps) steps=$2 ;;
        --threads) threads=$2 ;;
        --venv) venv=$2 ;;
        --into) document=$2 ;;
      esac
      shift
      ;;
    *) echo "compare: no option $1" >&2 && usage >&2 && exit 2 ;;
  esac
  shift
done

fmprun=$build/bin/fmprun here=scripts/bench work=$build/bench results=$build/bench/results.tsv
venv=${venv:-$build/bench-venv} python=${venv:-$build/bench-venv}/bin/python
[ -x "$fmprun" ] || { echo "compare: no $fmprun; build first: sh scripts/quickstart.sh" >&2 && exit 1; }
mkdir -p "$work"
: >"$results"
# The threads of all programs; and no compiled Python files beside the sources.
export OMP_NUM_THREADS="$threads" PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=2

tab=$(printf '\t')
# note SECTION ROW FIGURE VALUE: a row of results.tsv.
note() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$results"; }
failed() { grep -q "^$1$tab$2${tab}failed$tab" "$results"; }

# -- the environment of the peers ----------------------------------------------

# PyTorch without what only GPU kernels need at run time: the compiler and Python bindings.
# The libraries that it is linked with must be there, or it does not load.
install_torch() {
  "$python" -m pip install --quiet --no-deps torch || return 1
  "$python" - >"$work/torch-needs.txt" <<'EOF' || return 1
from importlib.metadata import requires
for need in requires("torch"):
    if "extra ==" not in need and not need.startswith(("triton", "cuda-bindings")):
        print(need)
EOF
  # pip complains about what was left out, but succeeds.
  "$python" -m pip install --quiet -r "$work/torch-needs.txt" 2>"$work/pip.log" ||
    { cat "$work/pip.log" >&2 && return 1; }
}

install_tensorflow() { "$python" -m pip install --quiet tensorflow-cpu; }

# need MODULE INSTALLER: true if Python can load the module, once it is installed.
need() {
  "$python" -c "import $1" >/dev/null 2>&1 && return 0
  echo "compare: installing $1 in $venv"
  if "$2" && "$python" -c "import $1"; then return 0; fi
  echo "compare: $1 cannot be installed; its rows are left out" >&2
  return 1
}

if [ "$torch$tensorflow" != nono ] && [ ! -x "$python" ]; then
  echo "compare: making $venv"
  ${PYTHON:-python3} -m venv "$venv" || {
    echo "compare: no environment (Debian: apt-get install python3-venv); without peers" >&2
    torch=no tensorflow=no
  }
fi
[ $torch = no ] || need torch install_torch || torch=no
[ $tensorflow = no ] || need tensorflow install_tensorflow || tensorflow=no

# -- what is measured where ------------------------------------------------------

version_of() { "$python" -c "import $1; print($1.__version__)" 2>/dev/null; }
flags=" $(sed -n 's/^flags[^:]*: *//p' /proc/cpuinfo | head -n 1) "
has() { case $flags in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

instructions=plain
for set in avx2 avx512f avx512_bf16 amx_bf16; do if has $set; then instructions=$set; fi; done
bf16=no
if has avx512_bf16; then bf16=yes; fi

# Against the same oneDNN as the build.
cached() { sed -n "s/^$1:[^=]*=//p" "$build/CMakeCache.txt"; }
onednn=$(cached FMP_ONEDNN_LIBRARY)
${CC:-cc} -O2 -I"$(cached FMP_ONEDNN_INCLUDE)" $here/bare_convs.c "$onednn" \
  -Wl,-rpath,"$(dirname "$onednn")" -o "$work/bare_convs" ||
  echo "compare: no bare convolutions" >&2
for net in $nets; do "$fmprun" $here/train_step.lua --net "$net" --shapes yes >"$work/$net.shapes"; done

note about machine processor "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)"
note about machine instructions "$instructions"
note about machine cores "$(nproc)"
note about machine threads "$threads"
# The load that other programs make, since none of ours runs yet: it may spoil the figures.
note about machine load "$(cut -d' ' -f1 /proc/loadavg)"
note about runs rounds "$rounds"
note about runs steps "$steps"
note about versions fmp "$("$fmprun" --version | cut -d' ' -f2)"
note about versions commit "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
[ $torch = no ] || note about versions PyTorch "$(version_of torch)"
[ $tensorflow = no ] || note about versions TensorFlow "$(version_of tensorflow)"

# -- runs ------------------------------------------------------------------------

# Why a run failed: its last line that is not empty.
reason() { grep -v '^ *$' "$1" | tail -n 1 | cut -c 1-120 | tr '\t|' '  '; }

# run SECTION ROW COMMAND...: the output is in $log. A row that failed once is not tried again.
log=$work/last.log
run() {
  section=$1 row=$2
  shift 2
  if failed "$section" "$row"; then return 1; fi
  printf '[%d/%d] %-12s %-32s ' "$round" "$rounds" "$section" "$row"
  if timeout 1800 "$@" >"$log" 2>&1; then return 0; fi
  note "$section" "$row" failed "$(reason "$log")"
  cp "$log" "$work/failed-$section-$(echo "$row" | tr ' ,' '__').log"
  echo "failed: $(reason "$log")"
  return 1
}

# step NET ROW COMMAND...: notes the milliseconds of the line "median 61.2 ms, ...".
step() {
  run "$@" || return 0
  ms=$(sed -n 's/^median \([0-9.]*\) ms.*/\1/p' "$log")
  [ -n "$ms" ] || { skipped "$1" "$2" "no median in its output" && echo "no median" && return 0; }
  note "$1" "$2" ms "$ms"
  echo "$ms ms"
}

# figures ROW COMMAND...: notes the lines for programs, "pool_ms ..." and "eager_us ...".
figures() {
  run ops "$@" || return 0
  while read -r kind values; do
    case $kind in
      conv_ms | pool_ms | eager_us | eager_collected_us | node_ns | node_cpu_ns) note "$kind" "$1" figures "$values" ;;
    esac
  done <"$log"
  echo "done"
}

# memory ROW COMMAND...: the peak memory of the process, in KiB.
memory() {
  row=$1
  shift
  run memory "$row" /usr/bin/time -v "$@" || return 0
  kib=$(sed -n 's/.*Maximum resident set size (kbytes): //p' "$log")
  note memory "$row" kib "$kib"
  echo "$kib KiB"
}

skipped() { failed "$1" "$2" || note "$1" "$2" failed "$3"; }

ours() { # NET ROW OPTION...
  net=$1 row=$2
  shift 2
  step "$net" "$row" "$fmprun" $here/train_step.lua --net "$net" --steps "$steps" \
    --threads "$threads" "$@"
}

peer() { # NET ROW PROGRAM MODE
  step "$1" "$2" "$python" "$here/$3" --shapes "$work/$1.shapes" --mode "$4" --steps "$steps" \
    --threads "$threads"
}

net_round() { # NET
  ours "$1" "fmp, f32"
  ours "$1" "fmp, f32, winograd fast" --winograd fast
  ours "$1" "fmp, f32, winograd off" --winograd off
  step "$1" "bare convolutions, f32" "$work/bare_convs" "$work/$1.shapes" f32 "$steps"
  if [ $torch = yes ]; then
    peer "$1" "PyTorch eager, NCHW" torch_step.py eager
    peer "$1" "PyTorch channels_last" torch_step.py channels_last
    if [ $compile = yes ]; then peer "$1" "PyTorch torch.compile" torch_step.py compile; fi
  fi
  if [ $tensorflow = yes ]; then peer "$1" "TensorFlow tf.function" tensorflow_step.py function; fi
  if [ $bf16 = no ]; then
    skipped "$1" "fmp, bf16" "the cores have no AVX512_BF16"
    return 0
  fi
  ours "$1" "fmp, bf16" --precision bf16
  step "$1" "bare convolutions, bf16" "$work/bare_convs" "$work/$1.shapes" bf16 "$steps"
  if [ $torch = yes ]; then
    peer "$1" "PyTorch bf16, NCHW" torch_step.py bf16
    peer "$1" "PyTorch bf16, channels_last" torch_step.py bf16_channels_last
    if [ $compile = yes ]; then peer "$1" "PyTorch bf16, torch.compile" torch_step.py bf16_compile; fi
  fi
}

ops_round() {
  for net in $nets; do
    figures "$net" "$fmprun" $here/conv_op.lua --net "$net" --threads "$threads" --rounds "$steps"
  done
  figures "fmp" "$fmprun" $here/fmp_op.lua --threads "$threads" --rounds 15
  figures "fmp, fixed windows" "$fmprun" $here/fmp_op.lua --threads "$threads" --rounds 15 \
    --window fixed
  figures "fmp dispatch" "$fmprun" $here/dispatch.lua
  if [ $torch = yes ]; then
    figures "PyTorch" "$python" $here/torch_ops.py --threads "$threads" --rounds 7
  fi
}

memory_round() {
  case " $nets " in *" mnist "*) ;; *) return 0 ;; esac
  [ -x /usr/bin/time ] || { skipped memory fmp "no /usr/bin/time (Debian: package time)" && return 0; }
  memory "fmp" "$fmprun" $here/train_step.lua --net mnist --steps 5 --threads "$threads"
  if [ $torch = yes ]; then
    memory "PyTorch" "$python" $here/torch_step.py --shapes "$work/mnist.shapes" --mode eager \
      --steps 5 --threads "$threads"
    memory "import torch alone" "$python" -c "import torch"
  fi
}

round=1
while [ "$round" -le "$rounds" ]; do
  for net in $nets; do net_round "$net"; done
  ops_round
  memory_round
  round=$((round + 1))
done

echo
"$fmprun" $here/table.lua "$results" ${document:+"$document"}
