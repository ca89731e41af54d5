/* SPDX-License-Identifier: Apache-2.0
 * An op whose kernel fails at each stage: attribute `how` says where. */
#include "hostile.h"

#include <string.h>

struct params {
  int64_t how;
};

enum {
  GOOD,
  PREPARE_FAILS,
  PREPARE_FAILS_SILENTLY,
  SCRATCH_IS_EVERYTHING, /* SIZE_MAX: adding anything to it overflows */
  SCRATCH_IS_TOO_MUCH,
  RUN_FAILS,
  RUN_FAILS_SILENTLY,
  RUN_IS_UNKNOWN,
  UNSUPPORTED
};

static int64_t how_of(const void *params) { return ((const struct params *)params)->how; }

static int32_t supports(const fmp_kernel_args *args) { return how_of(args->params) != UNSUPPORTED; }

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  const int64_t how = how_of(args->params);
  if (how == PREPARE_FAILS_SILENTLY) return FMP_EUNSUPPORTED;
  FMP_REQUIRE(args->host, how != PREPARE_FAILS, FMP_EUNSUPPORTED, "prepare would rather not");
  int64_t *s = args->host->alloc(sizeof *s);
  FMP_REQUIRE(args->host, s != NULL, FMP_ENOMEM, "no memory for the state");
  *s = how;
  *state = s;
  return FMP_OK;
}

static void release(const fmp_release_args *args) { args->host->free(args->state); }

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  (void)args;
  const int64_t how = *(const int64_t *)state;
  if (how == SCRATCH_IS_EVERYTHING) return SIZE_MAX;
  return how == SCRATCH_IS_TOO_MUCH ? (size_t)1 << 62 : 64;
}

static fmp_status run(const fmp_call *call)
{
  const int64_t how = *(const int64_t *)call->state;
  if (how == RUN_FAILS_SILENTLY) return FMP_EDEVICE;
  if (how == RUN_IS_UNKNOWN) return 4711;
  FMP_REQUIRE(call->host, how != RUN_FAILS, FMP_EDEVICE, "run would rather not");
  memset(call->scratch, 0xFF, 64);
  memcpy(call->out[0].data, call->in[0].data, sizeof(float)); /* rank 0 in the test */
  return FMP_OK;
}

static fmp_status load(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct params, how, FMP_ATTR_I64, NULL, "[0,8]", "where it fails; 0: nowhere")};
  const fmp_kernel_def kernel = {
      .struct_size = sizeof kernel,
      .op = "hostile_failing",
      .backend = "cpu",
      .name = "ref",
      .dtypes = FMP_BIT(FMP_F32),
      .supports = supports,
      .prepare = prepare,
      .release = release,
      .scratch = scratch,
      .run = run,
  };
  fmp_op_def def = plain_op("hostile_failing");
  def.attrs = attrs;
  def.n_attr = 1;
  def.params_size = sizeof(struct params);
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}

FMP_PLUGIN("failing", "1.0", "a kernel that fails", load);
