/* SPDX-License-Identifier: Apache-2.0
 *
 * Reference kernels: one element after the other, its place in each input worked out
 * from its index alone. Slow on purpose; shares nothing with the loops it is to check
 * but the expressions. */
#include "elementwise.h"
#include "expressions.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"
#include "fmp/kit/register.h"

/* p[0] is the output's element, p[1..] the inputs'. */
typedef void (*row_fn)(void *const p[]);

#define ELEMENT1(name, s, A, R, y)        \
  static void name##_##s(void *const p[]) \
  {                                       \
    const A a = *(const A *)p[1];         \
    *(R *)p[0] = (R)(y);                  \
  }

#define ELEMENT2(name, s, A, B, R, y)     \
  static void name##_##s(void *const p[]) \
  {                                       \
    const A a = *(const A *)p[1];         \
    const B b = *(const B *)p[2];         \
    *(R *)p[0] = (R)(y);                  \
  }

#define ELEMENT3(name, s, A, B, C, R, y)  \
  static void name##_##s(void *const p[]) \
  {                                       \
    const A a = *(const A *)p[1];         \
    const B b = *(const B *)p[2];         \
    const C c = *(const C *)p[3];         \
    *(R *)p[0] = (R)(y);                  \
  }

ALL_ROWS(ELEMENT1, ELEMENT2, ELEMENT3)

/* The offset of the element of v that row-major element i of y is computed from. */
static void *element(const fmp_view *v, const fmp_view *y, int64_t i)
{
  int64_t offset = 0;
  for (uint32_t d = y->rank; d-- > 0; i /= y->shape[d])
    offset += i % y->shape[d] * fmp_broadcast_stride(v, y->rank, d);
  return (unsigned char *)v->data + offset * fmp_element_bytes(v->dtype);
}

/* For a bf16 element, puts its value into *wide for the row. */
static void *widened(const fmp_view *v, void *element, float *wide)
{
  if (v->dtype != FMP_BF16) return element;
  *wide = fmp_bf16_to_f32(*(const uint16_t *)element);
  return wide;
}

static fmp_status run(const fmp_call *call)
{
  const row_fn row = ROW_OF(call);
  const fmp_view *y = call->out;
  const int64_t n = fmp_view_size(y);
  float wide[FMP_LOOP_OPERANDS];
  for (int64_t i = 0; i < n; i++) {
    void *const at = element(y, y, i);
    void *p[FMP_LOOP_OPERANDS] = {y->dtype == FMP_BF16 ? &wide[0] : at};
    for (uint32_t k = 0; k < call->n_in; k++)
      p[k + 1] = widened(&call->in[k], element(&call->in[k], y, i), &wide[k + 1]);
    row(p);
    if (y->dtype == FMP_BF16) *(uint16_t *)at = fmp_bf16_of_f32(wide[0]);
  }
  return FMP_OK;
}

ALL_OPS(NUMBER_TABLE, FLOAT_TABLE)

#define KERNEL .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = "ref", .run = run

static const fmp_kernel_def kernels[] = {ALL_OPS(NUMBER_KERNEL, FLOAT_KERNEL)};

fmp_status elementwise_add_ref(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
