/* SPDX-License-Identifier: Apache-2.0
 * sdk_loop: y = x + 1 by the backend's parallel loop, which it checks as it goes: each
 * element once, no stretch shorter than the grain, no worker's number on two threads, and the
 * first failure reported. That two threads may use a number one after the other, as the ABI
 * allows, is not what our backend does; so nothing need wait here for two of them to meet. */
#include "sdk.h"

#include <stdatomic.h>

struct loop_params {
  int64_t grain, fail_from;
};

struct loop {
  const fmp_call *call;
  int64_t n;
  _Atomic(const void *) *owner; /* a thread for each worker, in scratch memory */
};

static _Thread_local char self; /* its address tells threads apart */

static fmp_status check_stretch(const struct loop *loop, const fmp_range *r)
{
  const struct loop_params *p = loop->call->params;
  const fmp_host *h = loop->call->host;
  const int64_t least = p->grain < loop->n ? p->grain : loop->n;
  const int64_t begin = r->begin, end = r->end;
  FMP_REQUIRE(h, begin >= 0 && begin < end && end <= loop->n && end - begin >= least, FMP_EINVAL,
              "expected a stretch of %lld in [0,%lld), got [%lld,%lld)", (long long)least,
              (long long)loop->n, (long long)begin, (long long)end);
  FMP_REQUIRE(h, p->fail_from < 0 || end <= p->fail_from, FMP_EDEVICE, "failed at %lld",
              (long long)(begin > p->fail_from ? begin : p->fail_from));
  return FMP_OK;
}

static fmp_status check_worker(const struct loop *loop, const fmp_range *r)
{
  const fmp_host *h = loop->call->host;
  const void *owner = NULL;
  FMP_REQUIRE(h, r->worker >= 0 && r->worker < loop->call->threads, FMP_EINVAL,
              "expected a worker from 0 to %d, got %d", (int)loop->call->threads - 1,
              (int)r->worker);
  const int is_first = atomic_compare_exchange_strong(&loop->owner[r->worker], &owner, &self);
  FMP_REQUIRE(h, is_first || owner == &self, FMP_EINVAL,
              "expected worker %d on one thread, got it on two", (int)r->worker);
  return FMP_OK;
}

static fmp_status body(const fmp_range *r)
{
  const struct loop *loop = r->arg;
  const float *x = loop->call->in[0].data;
  float *y = loop->call->out[0].data;
  FMP_TRY(check_stretch(loop, r));
  FMP_TRY(check_worker(loop, r));
  for (int64_t i = r->begin; i < r->end; i++) y[i] += x[i] + 1; /* twice would show */
  return FMP_OK;
}

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  (void)state;
  return (size_t)args->threads * sizeof(_Atomic(const void *));
}

static fmp_status run(const fmp_call *call)
{
  const struct loop_params *p = call->params;
  struct loop loop = {call, fmp_view_size(&call->out[0]), call->scratch};
  float *y = call->out[0].data;
  for (int64_t i = 0; i < loop.n; i++) y[i] = 0;
  for (int32_t i = 0; i < call->threads; i++) atomic_init(&loop.owner[i], NULL);
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
                                FMP_PARAMS(struct loop_params, attrs),
                                .infer = infer_like_x};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_loop",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .scratch = scratch,
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
