/* SPDX-License-Identifier: Apache-2.0
 * sdk_smooth: a running mean along the last dimension, by prefix sums. Its kernel has
 * prepared state (how rows and columns divide the elements) and uses scratch memory. */
#include "sdk.h"

struct smooth_params {
  int64_t radius;
};

/* prepare() makes it, release() ends it, run() only reads it. */
struct plan {
  int64_t rows, cols, radius;
};

static fmp_status infer(const fmp_infer_args *args)
{
  const fmp_spec *x = &args->in[0];
  char text[FMP_SPEC_TEXT];
  FMP_REQUIRE(args->host, x->rank >= 1 && x->dtype == FMP_F32, FMP_ESHAPE,
              "expected x f32 [...,n], got %s", args->host->spec_text(x, text));
  return infer_like_x(args);
}

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  const struct smooth_params *p = args->params;
  const fmp_spec *x = &args->in[0];
  struct plan *plan = args->host->alloc(sizeof *plan);
  FMP_REQUIRE(args->host, plan != NULL, FMP_ENOMEM, "no memory for a plan");
  plan->cols = x->shape[x->rank - 1];
  plan->rows = plan->cols ? fmp_spec_size(x) / plan->cols : 0;
  plan->radius = p->radius;
  *state = plan;
  return FMP_OK;
}

static void release(const fmp_release_args *args) { args->host->free(args->state); }

/* The prefix sums of one row: cols + 1 of them. */
static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct plan *plan = state;
  (void)args;
  return ((size_t)plan->cols + 1) * sizeof(double);
}

/* y[i] = mean of x[i-radius .. i+radius], cut off at both ends;  x, y [cols] */
static void smooth_row(const struct plan *plan, const float *x, float *y, double *prefix)
{
  const int64_t n = plan->cols, r = plan->radius;
  prefix[0] = 0;
  for (int64_t i = 0; i < n; i++) prefix[i + 1] = prefix[i] + x[i];
  for (int64_t i = 0; i < n; i++) {
    const int64_t begin = i > r ? i - r : 0, end = r < n - i ? i + r + 1 : n;
    y[i] = (float)((prefix[end] - prefix[begin]) / (double)(end - begin));
  }
}

static fmp_status run(const fmp_call *call)
{
  const struct plan *plan = call->state;
  const float *x = call->in[0].data;
  float *y = call->out[0].data;
  for (int64_t row = 0; row < plan->rows; row++)
    smooth_row(plan, x + row * plan->cols, y + row * plan->cols, call->scratch);
  return FMP_OK;
}

fmp_status smooth_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {FMP_ATTR(struct smooth_params, radius, FMP_ATTR_I64, "1",
                                                "[0,1000000]", "neighbours on each side")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "sdk_smooth",
                                .schema = "(x) -> (y)",
                                .doc = "Running mean along the last dimension.",
                                .version = 1,
                                FMP_PARAMS(struct smooth_params, attrs),
                                .infer = infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_smooth",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_BIT(FMP_F32),
                                        .prepare = prepare,
                                        .release = release,
                                        .scratch = scratch,
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
