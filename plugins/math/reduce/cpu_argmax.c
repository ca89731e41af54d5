/* SPDX-License-Identifier: Apache-2.0
 *
 * argmax: x [outer, n, inner] contiguous -> y [outer, inner] i64. One scan per output,
 * on all threads; outputs do not depend on each other. */
#include "../numbers.h"
#include "fmp/kit/half.h"
#include "reduce.h"

typedef int64_t (*scan_fn)(const void *x, int64_t stride, int64_t n);

/* Later elements must be greater, or the first NaN, of which `v <= best` is not true
 * either; the scan ends there. */
#define SCAN_BY(name, S, T, load, is_nan)                       \
  static int64_t name(const void *x, int64_t stride, int64_t n) \
  {                                                             \
    T best = load(*(const S *)x);                               \
    int64_t at = 0;                                             \
    for (int64_t i = 1; i < n && !(is_nan); i++) {              \
      const T v = load(((const S *)x)[i * stride]);             \
      if (v <= best) continue;                                  \
      best = v;                                                 \
      at = i;                                                   \
    }                                                           \
    return at;                                                  \
  }

#define AS_IS(x)              (x)
#define SCAN(name, T, is_nan) SCAN_BY(name, T, T, AS_IS, is_nan)

SCAN_BY(scan_bf16, uint16_t, float, fmp_bf16_to_f32, best != best)
SCAN(scan_f32, float, best != best)
SCAN(scan_f64, double, best != best)
SCAN(scan_u8, uint8_t, 0)
SCAN(scan_i32, int32_t, 0)
SCAN(scan_i64, int64_t, 0)

/* Neighbours along the axis are `inner` elements apart. */
typedef struct work {
  scan_fn scan;
  const unsigned char *x;
  int64_t *y;
  int64_t n, inner, bytes;
} work;

/* Output k, in row o = k / inner and column i = k % inner, scans x[o, :, i]. */
static fmp_status stretch(const fmp_range *r)
{
  const work *w = r->arg;
  const int64_t end = r->end;
  for (int64_t k = r->begin; k < end; k++) {
    const int64_t first = k / w->inner * w->n * w->inner + k % w->inner;
    w->y[k] = w->scan(w->x + first * w->bytes, w->inner, w->n);
  }
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  static const scan_fn scans[FMP_DTYPE_COUNT] = {
      [FMP_F32] = scan_f32, [FMP_F64] = scan_f64, [FMP_BF16] = scan_bf16,
      [FMP_U8] = scan_u8,   [FMP_I32] = scan_i32, [FMP_I64] = scan_i64};
  const argmax_params *p = call->params;
  const fmp_view *x = call->in, *y = call->out;
  const int64_t axis = p->axis > 0 ? p->axis - 1 : x->rank + p->axis;
  work w = {.scan = scans[x->dtype], .x = x->data, .y = y->data, .inner = 1};
  int64_t outputs = 1;
  w.n = x->shape[axis];
  w.bytes = fmp_element_bytes(x->dtype);
  for (int64_t d = axis + 1; d < x->rank; d++) w.inner *= x->shape[d];
  for (uint32_t d = 0; d < y->rank; d++) outputs *= y->shape[d];
  if (outputs == 0) return FMP_OK;
  return call->host->parallel_for(call, outputs, FMP_LOOP_GRAIN / w.n + 1, stretch, &w);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "argmax",
    .backend = "cpu",
    .name = "ref",
    .dtypes = NUMBERS,
    .run = run,
};

fmp_status reduce_add_argmax(const fmp_host *h, fmp_registry *r)
{
  return h->add_kernel(r, &kernel);
}
