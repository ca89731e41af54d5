/* SPDX-License-Identifier: Apache-2.0
 *
 * An op in its third version, y = factor x, which runs what its earlier versions saved. The first
 * had `gained`, a whole number of percent, in place of `factor`; the second had no other table. */
#include <stdio.h>
#include <stdlib.h>

#include "fmp/kit/check.h"
#include "fmp/plugin.h"

struct params {
  double factor;
};

static fmp_status infer(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  return FMP_OK;
}

/* The text comes from a file: anything may stand there. */
static fmp_status upgrade(const fmp_upgrade_args *a)
{
  char factor[32], *end;
  const char *gained = a->host->saved_get(a->saved, "gained");
  if (a->version > 1) return FMP_OK;
  FMP_REQUIRE(a->host, gained != NULL, FMP_EDATA, "expected an attribute 'gained' of version 1");
  const long percent = strtol(gained, &end, 10);
  FMP_REQUIRE(a->host, *gained && !*end, FMP_EDATA, "gained: expected a number, got '%s'", gained);
  snprintf(factor, sizeof factor, "%.17g", (double)percent / 100);
  FMP_TRY(a->host->saved_set(a->saved, "gained", NULL));
  return a->host->saved_set(a->saved, "factor", factor);
}

static fmp_status run(const fmp_call *call)
{
  const struct params *p = call->params;
  const int64_t n = fmp_view_size(&call->in[0]);
  for (int64_t i = 0; i < n; i++)
    ((float *)call->out[0].data)[i] = (float)p->factor * ((const float *)call->in[0].data)[i];
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct params, factor, FMP_ATTR_F64, "1", NULL, "in front of x")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "versioned_scale",
                                .schema = "(x) -> (y)",
                                .doc = "factor x",
                                .version = 3,
                                .oldest_version = 1,
                                FMP_PARAMS(struct params, attrs),
                                .infer = infer,
                                .upgrade = upgrade};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "versioned_scale",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("versioned", "3.0", "an op that has changed", load);
