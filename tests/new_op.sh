#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A new op is one new directory and no edit elsewhere: makes one in a copy of the tree,
# builds, runs its spec, reads its documentation, and looks at what changed.
. "$(dirname "$0")/lib.sh"
once_only

name=probe$(date +%s)
copy=$scratch/copy
mkdir "$copy"
(cd "$root" && git ls-files -co --exclude-standard) |
  (cd "$root" && while read -r file; do [ -f "$file" ] && printf '%s\n' "$file"; done) |
  tar -C "$root" -cf - -T - | tar -C "$copy" -xf -
cd "$copy" || exit 1
{
  git init -q . && git add -A &&
    git -c user.name=test -c user.email=test@localhost commit -qm copy
} >"$scratch/log" 2>&1 || fail "a copy of the tree under git: $(cat "$scratch/log")"

# -- the op: y = x + 1/2 -----------------------------------------------------------------
op=plugins/math/$name
mkdir "$op"
cat >"$op/op.c" <<EOF
/* SPDX-License-Identifier: Apache-2.0
 * $name: y = x + 1/2. */
#include "fmp/kit/check.h"
#include "fmp/plugin.h"

fmp_status ${name}_register(const fmp_host *h, fmp_registry *r);

static fmp_status infer(const fmp_infer_args *args)
{
  FMP_TRY(fmp_check_dtype(args->host, "x", &args->in[0], FMP_BIT(FMP_F64), "f64"));
  args->out[0] = args->in[0];
  return FMP_OK;
}

static fmp_status gradient(const fmp_gradient_args *args)
{
  const fmp_host *h = args->host;
  h->grad_set(args->builder, 0, h->grad_dout(args->builder, 0));
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const double *x = call->in[0].data;
  double *y = call->out[0].data;
  for (int64_t i = 0; i < fmp_view_size(&call->out[0]); i++) y[i] = x[i] + 0.5;
  return FMP_OK;
}

fmp_status ${name}_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "$name",
                                .schema = "(x) -> (y)",
                                .doc = "Adds one half, to show how little an op needs.",
                                .version = 1,
                                .infer = infer,
                                .gradient = gradient};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "$name",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F64),
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
EOF
cat >"$op/${name}_spec.lua" <<EOF
-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

describe("$name", function()
  it("adds one half", function()
    assert.same({1.5, 2.5}, fmp.ops.$name(fmp.tensor({1, 2}, {dtype = "f64"})):flat())
  end)
  it("differentiates", function()
    optest.gradient{op = "$name", inputs = {optest.random({3}, {dtype = "f64"})}}
  end)
end)
EOF

# -- everything finds it -----------------------------------------------------------------
made=$scratch/build
check "configures" cmake -S . -B "$made" -DBUILD_TESTING=ON -DFMP_WERROR=ON
check "builds" cmake --build "$made" -j "$(nproc)" --target fmprun fmp_cpu fmp_math fmp_array fmp_random
unset FMP_PLUGIN_PATH # that is the build of the tree itself
check "ctest finds its spec, which passes" sh -c "
  ctest --test-dir '$made' -R 'spec[.]math[.]$name' --output-on-failure --no-tests=error"
check_output "it is listed" "$name" "$made/bin/fmprun" ops
check_output "it is documented" "Adds one half" "$made/bin/fmprun" ops "$name"

git status --porcelain >"$scratch/changed"
if [ "$(cat "$scratch/changed")" = "?? $op/" ]; then
  pass "one directory changed, and nothing else"
else
  fail "expected '?? $op/' alone to have changed, got:"
  sed 's/^/      /' "$scratch/changed"
fi
finish
