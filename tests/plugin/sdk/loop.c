/* SPDX-License-Identifier: Apache-2.0
 * sdk_loop: y = x + 1 by the backend's parallel loop, which it checks as it goes: each
 * element once, no stretch shorter than the grain, and the first failure reported. */
#include "sdk.h"

struct loop_params {
  int64_t grain, fail_from;
};

struct loop {
  const fmp_call *call;
  int64_t n;
};

static fmp_status body(void *arg, int64_t begin, int64_t end)
{
  const struct loop *loop = arg;
  const struct loop_params *p = loop->call->params;
  const fmp_host *h = loop->call->host;
  const int64_t least = p->grain < loop->n ? p->grain : loop->n;
  const float *x = loop->call->in[0].data;
  float *y = loop->call->out[0].data;
  FMP_REQUIRE(h, begin >= 0 && begin < end && end <= loop->n && end - begin >= least, FMP_EINVAL,
              "expected a stretch of %lld in [0,%lld), got [%lld,%lld)", (long long)least,
              (long long)loop->n, (long long)begin, (long long)end);
  FMP_REQUIRE(h, p->fail_from < 0 || end <= p->fail_from, FMP_EDEVICE, "failed at %lld",
              (long long)(begin > p->fail_from ? begin : p->fail_from));
  for (int64_t i = begin; i < end; i++) y[i] += x[i] + 1; /* twice would show */
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const struct loop_params *p = call->params;
  struct loop loop = {call, fmp_view_size(&call->out[0])};
  float *y = call->out[0].data;
  for (int64_t i = 0; i < loop.n; i++) y[i] = 0;
  return call->host->parallel_for(call, loop.n, p->grain, body, &loop);
}

fmp_status loop_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct loop_params, grain, FMP_ATTR_I64, "1", NULL, "the shortest stretch"),
      FMP_ATTR(struct loop_params, fail_from, FMP_ATTR_I64, "-1", NULL,
               "stretches fail that have this element or a later one; -1: none")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "sdk_loop",
                                .schema = "(x) -> (y)",
                                .doc = "Adds 1 by a parallel loop that watches itself.",
                                .version = 1,
                                .attrs = attrs,
                                .n_attr = 2,
                                .attr_size = sizeof(fmp_attr_def),
                                .params_size = sizeof(struct loop_params),
                                .infer = infer_like_x};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_loop",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
