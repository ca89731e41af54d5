/* SPDX-License-Identifier: Apache-2.0
 * Rewrites of the library's own ops that are equal bit for bit: -(-x) = x, which emits nothing, and
 * of abs and relu one behind the other the first. Of the last two, each makes what the other waits
 * for. */
#include "fmp/kit/register.h"

/* Nothing is emitted: what was there already stands in. */
static fmp_status undone(const fmp_rewrite_args *a)
{
  a->host->replace(a->builder, 0, a->host->node_in(a->builder, 0, 0));
  return FMP_OK;
}

/* relu(|x|) = |x| = ||x||, by an abs of its own. */
static fmp_status first_of_two(const fmp_rewrite_args *a)
{
  const fmp_value x = a->host->node_in(a->builder, 0, 0);
  a->host->replace(a->builder, 0, a->host->emit_node(a->builder, 0, &x, 1));
  return FMP_OK;
}

/* Has emitted something when it finds that it does not want to. */
static fmp_status thinks_better_of_it(const fmp_rewrite_args *a)
{
  const fmp_value x = a->host->node_in(a->builder, 0, 0);
  const fmp_value y = a->host->emit(a->builder, "exp", NULL, 0, &x, 1);
  return a->host->emit(a->builder, "sigmoid", NULL, 0, &y, 1)
             ? FMP_OK
             : a->host->fail(FMP_EPLUGIN, "no sigmoid");
}

static const fmp_rewrite_def rewrites[] = {
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "test_neg_neg",
     .chain = "neg neg",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = undone},
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "test_nobody_has_it",
     .chain = "neg test_no_such_op",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = undone},
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "test_square",
     .chain = "square",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = thinks_better_of_it},
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "test_abs_relu",
     .chain = "abs relu",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = first_of_two},
    {.struct_size = sizeof(fmp_rewrite_def),
     .name = "test_abs_abs",
     .chain = "abs abs",
     .phase = FMP_REWRITE_BEFORE_GRADIENTS,
     .emit = first_of_two},
};

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_REWRITES(h, r, rewrites);
}

FMP_PLUGIN("fold", "1.0", "rewrites that build on each other", load);
