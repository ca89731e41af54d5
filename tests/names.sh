#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Names of ops and kernels: taken ones, those with a vendor's prefix, misspelt ones.
. "$(dirname "$0")/lib.sh"
fmprun=$build/bin/fmprun
unset FMP_PLUGIN_PATH FMP_KERNEL

# plugins NAME...: a directory with these test plugins alone.
plugins() {
  rm -rf "$scratch/plugins"
  mkdir "$scratch/plugins"
  for name in "$@"; do cp "$build/tests/plugins/hostile/fmp_$name.so" "$scratch/plugins/"; done
}

# said PATTERN CODE: runs Lua; what it printed, to either output, must match.
said() { # WHAT PATTERN CODE
  check_output "$1" "$2" env FMP_PLUGIN_PATH="$scratch/plugins" "$fmprun" -e "$3"
}

# -- who comes second is refused, and that is never the installation -----------------------
plugins taken
said "a name of the installation stays where it was" '^nn.nil' \
  'print(fmp.ops.relu.plugin, (pcall(function() return fmp.ops.hostile_own end)) or nil)'
said "the newcomer is named" "fmp_taken.so was refused.*op 'relu' is registered already, by plugin 'nn'" 'print(1)'
said "and how to keep names apart" "acme.relu" 'print(1)'

plugins called_math
said "so does a plugin" '^math.nil' \
  'print(fmp.ops.add.plugin, (pcall(function() return fmp.ops.hostile_math end)) or nil)'
said "whose namesake is named" "fmp_called_math.so was refused: plugin 'math' is loaded already" 'print(1)'
mv "$scratch/plugins/fmp_called_math.so" "$scratch/plugins/fmp_math.so"
said "a file of the same name replaces it" '^math' 'print(fmp.ops.hostile_math.plugin)'

# -- vendors -------------------------------------------------------------------------------
plugins vendor
said "fmp.ops.acme.same" '^3$' 'print(fmp.ops.acme.same(fmp.tensor{3}):item())'
said 'fmp.ops["acme.same"]' '^3$' 'print(fmp.ops["acme.same"](fmp.tensor{3}):item())'
said "it differentiates" '^1$' 'print(fmp.grad(function(x) return fmp.ops.acme.same(x):sum() end, {fmp.tensor{3}})[1]:item())'
said "it compiles" '^3$' 'print(fmp.compile(function(x) return fmp.ops.acme.same(x) end)(fmp.tensor{3}):item())'
said "its misspelt neighbour" "did you mean 'acme.same'" 'print(pcall(function() return fmp.ops.acme.sam end))'
said "a vendor that is none" "no op 'acmes'" 'print(pcall(function() return fmp.ops.acmes end))'
said "resources too" 'acme.nothing' 'local r = fmp.open("acme.nothing", {}) print(r) r:close()'
check_output "fmprun ops lists it" '^acme.same ' env FMP_PLUGIN_PATH="$scratch/plugins" "$fmprun" ops
check_output "fmprun ops describes it" 'acme.same(x) -> (y)' env FMP_PLUGIN_PATH="$scratch/plugins" "$fmprun" ops acme.same
cd "$scratch" || exit 1
check_output "new-plugin warns of a name that is taken" "'relu' is taken by an op of plugin 'nn'" \
  sh -c "'$fmprun' new-plugin relu 2>&1"
check_output "and of a plugin's that it would replace" "'math' is taken by an installed plugin" \
  sh -c "'$fmprun' new-plugin math 2>&1"
check_output "and of its gradient's" "'leaky_relu_back' is taken" sh -c "'$fmprun' new-plugin leaky_relu 2>&1"
"$fmprun" new-plugin quite_free >"$scratch/log" 2>"$scratch/wrong"
check_empty "not of one that is free" "$scratch/wrong"

# -- kernels that are wished for -----------------------------------------------------------
code='fmp.ops.sigmoid(fmp.tensor{0}) print(fmp.ops.relu(fmp.tensor{-1}):item())'
forced() { # WHAT KERNEL PATTERN
  check_output "$1" "$3" sh -c "FMP_KERNEL='$2' '$fmprun' --explain -e '$code' 2>&1"
}
refused() { # WHAT KERNEL TEXT
  FMP_KERNEL=$2 "$fmprun" -e "$code" >"$scratch/log" 2>&1 && echo "it ran" >>"$scratch/log"
  if grep -q -e "$3" "$scratch/log" && ! grep -q "it ran" "$scratch/log"; then pass "$1"; else
    fail "$1: $(cat "$scratch/log")"
  fi
}
forced "one op's kernel" sigmoid:ref 'sigmoid .*: ref,'
forced "all ops' kernels" ref 'relu .*: ref,'
forced "several" sigmoid:ref,relu:ref 'relu .*: ref,'
refused "a misspelt kernel" rfe "FMP_KERNEL: no kernel 'rfe'; did you mean 'ref'"
refused "a misspelt kernel of one op" sigmoid:rfe "no kernel 'rfe' of op sigmoid; did you mean 'ref'"
refused "a misspelt op" sigmoyd:ref "no op 'sigmoyd'; did you mean 'sigmoid'"
refused "no kernel at all" sigmoid: "sigmoid:"
refused "nothing that can be read" a:b:c "FMP_KERNEL"
check_output "from Lua: an error where it is said" "no kernel 'rfe'; did you mean 'ref'" \
  "$fmprun" -e 'print(pcall(fmp.kernel, "rfe"))'
finish
