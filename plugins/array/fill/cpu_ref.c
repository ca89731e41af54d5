/* SPDX-License-Identifier: Apache-2.0
 * One element is converted to bytes and repeated: an op of bytes, not of types. */
#include <string.h>
#include "fill.h"
#include "fmp/kit/register.h"
#include "../cast/convert.h"

enum { GRAIN_BYTES = 1 << 16 };

typedef struct pattern {
  char *data;
  size_t element; /* bytes */
  char bytes[8];
} pattern;

/* `element` is a constant where this is called, so that memcpy is a move. */
static inline void repeat_of(char *data, const char *bytes, int64_t n, size_t element)
{
  for (int64_t i = 0; i < n; i++) memcpy(data + i * (int64_t)element, bytes, element);
}

static fmp_status repeat(const fmp_range *r)
{
  const pattern *p = r->arg;
  const int64_t n = r->end - r->begin;
  char *data = p->data + r->begin * (int64_t)p->element;
  switch (p->element) {
  case 1: repeat_of(data, p->bytes, n, 1); break;
  case 2: repeat_of(data, p->bytes, n, 2); break;
  case 4: repeat_of(data, p->bytes, n, 4); break;
  default: repeat_of(data, p->bytes, n, 8); break;
  }
  return FMP_OK;
}

fmp_status fill_value(const fmp_call *call, const fmp_view *y, double value)
{
  pattern p = {.data = y->data, .element = (size_t)fmp_element_bytes(y->dtype)};
  const int64_t n = fmp_view_size(y);
  convert_number(value, y->dtype, p.bytes);
  if (n == 0) return FMP_OK;
  /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): every type has a size */
  return call->host->parallel_for(call, n, GRAIN_BYTES / (int64_t)p.element, repeat, &p);
}

fmp_status fill_zero(const fmp_call *call, const fmp_view *y) { return fill_value(call, y, 0); }

static fmp_status fill_run(const fmp_call *call)
{
  const fill_params *p = call->params;
  return fill_value(call, &call->out[0], p->value);
}

static fmp_status like_run(const fmp_call *call)
{
  const fill_like_params *p = call->params;
  return fill_value(call, &call->out[0], p->value);
}

static const fmp_kernel_def kernels[] = {
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "fill",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_ANY_DTYPE,
     .run = fill_run},
    {.struct_size = sizeof(fmp_kernel_def),
     .op = "fill_like",
     .backend = "cpu",
     .name = "ref",
     .dtypes = FMP_ANY_DTYPE,
     .flags = FMP_KERNEL_STRIDED, /* never looks at like */
     .run = like_run},
};

fmp_status fill_add_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
