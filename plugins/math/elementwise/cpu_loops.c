/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels that are used: lines of elements, with a loop for each common mixture of
 * strides that compilers turn into vector instructions, on all threads. bf16 is computed in
 * f32 and rounded once.
 *
 * Every element is computed from its operands alone, so neither threads nor the cutting
 * into lines change a bit. */
#include "elementwise.h"
#include "expressions.h"
#include "fmp/kit/half.h"
#include "fmp/kit/loops.h"
#include "fmp/kit/register.h"

/* One line of n elements: p[0] the output, contiguous; p[1..] the inputs with strides s[1..]. */
typedef void (*row_fn)(void *const p[], const int64_t s[], int64_t n);

/* y[i] = f(loads), the loads being declarations of a, b, c. */
#define FOR_EACH(R, loads, y)       \
  FMP_LOOP_INDEPENDENT              \
  for (int64_t i = 0; i < n; i++) { \
    loads;                          \
    ((R *)p[0])[i] = (R)(y);        \
  }

#define LOAD(T, name, k, stride) const T name = ((const T *)p[k])[i * (stride)]

#define LINE1(name, suffix, A, R, y)                                         \
  static void name##_##suffix(void *const p[], const int64_t s[], int64_t n) \
  {                                                                          \
    if (s[1] == 1)                                                           \
      FOR_EACH(R, LOAD(A, a, 1, 1), y)                                       \
    else                                                                     \
      FOR_EACH(R, LOAD(A, a, 1, s[1]), y)                                    \
  }

/* Both contiguous; one of them a number, read before anything is written; or any strides. */
#define LINE2(name, suffix, A, B, R, y)                                      \
  static void name##_##suffix(void *const p[], const int64_t s[], int64_t n) \
  {                                                                          \
    if (s[1] == 1 && s[2] == 1) {                                            \
      FOR_EACH(R, LOAD(A, a, 1, 1); LOAD(B, b, 2, 1), y)                     \
    } else if (s[1] == 1 && s[2] == 0) {                                     \
      const B b = *(const B *)p[2];                                          \
      FOR_EACH(R, LOAD(A, a, 1, 1), y)                                       \
    } else if (s[1] == 0 && s[2] == 1) {                                     \
      const A a = *(const A *)p[1];                                          \
      FOR_EACH(R, LOAD(B, b, 2, 1), y)                                       \
    } else {                                                                 \
      FOR_EACH(R, LOAD(A, a, 1, s[1]); LOAD(B, b, 2, s[2]), y)               \
    }                                                                        \
  }

#define LINE3(name, suffix, A, B, C, R, y)                                          \
  static void name##_##suffix(void *const p[], const int64_t s[], int64_t n)        \
  {                                                                                 \
    if (s[1] == 1 && s[2] == 1 && s[3] == 1)                                        \
      FOR_EACH(R, LOAD(A, a, 1, 1); LOAD(B, b, 2, 1); LOAD(C, c, 3, 1), y)          \
    else                                                                            \
      FOR_EACH(R, LOAD(A, a, 1, s[1]); LOAD(B, b, 2, s[2]); LOAD(C, c, 3, s[3]), y) \
  }

ALL_ROWS(LINE1, LINE2, LINE3)

enum { BLOCK = 256 /* elements of bf16 that are in f32 at a time, on the stack */ };

typedef struct job {
  row_fn row;
  int any_bf16;
  uint32_t operands, dtypes[FMP_LOOP_OPERANDS];
  unsigned char *data[FMP_LOOP_OPERANDS];
  int64_t bytes[FMP_LOOP_OPERANDS];
} job;

/* n elements of a bf16 operand as f32; returns the stride of the result. */
static int64_t widen(float *wide, const uint16_t *low, int64_t stride, int64_t n)
{
  if (stride == 0) n = 1;
  for (int64_t i = 0; i < n; i++) wide[i] = fmp_bf16_to_f32(low[i * stride]);
  return stride == 0 ? 0 : 1;
}

/* A line whose operands of bf16 are widened, and whose result is rounded, block by block. */
static void row_by_blocks(const job *j, void *const p[], const int64_t s[], int64_t n)
{
  float wide[FMP_LOOP_OPERANDS][BLOCK];
  void *q[FMP_LOOP_OPERANDS];
  int64_t steps[FMP_LOOP_OPERANDS];
  for (int64_t begin = 0; begin < n; begin += BLOCK) {
    const int64_t m = n - begin < BLOCK ? n - begin : BLOCK;
    for (uint32_t k = 0; k < j->operands; k++) {
      const int is_low = j->dtypes[k] == FMP_BF16;
      void *const at = (char *)p[k] + begin * s[k] * j->bytes[k];
      q[k] = is_low ? wide[k] : at;
      steps[k] = is_low && k > 0 ? widen(wide[k], at, s[k], m) : s[k];
    }
    j->row(q, steps, m);
    if (j->dtypes[0] != FMP_BF16) continue;
    uint16_t *const y = (uint16_t *)p[0] + begin;
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the row has written wide[0] */
    for (int64_t i = 0; i < m; i++) y[i] = fmp_bf16_of_f32(wide[0][i]);
  }
}

static void tile(void *arg, const fmp_tile *t)
{
  const job *j = arg;
  void *p[FMP_LOOP_OPERANDS] = {NULL};
  for (int64_t r = 0; r < t->rows; r++) {
    for (uint32_t k = 0; k < j->operands; k++)
      p[k] = j->data[k] + (t->offset[k] + r * t->row_stride[k]) * j->bytes[k];
    if (j->any_bf16)
      row_by_blocks(j, p, t->column_stride, t->columns);
    else
      j->row(p, t->column_stride, t->columns);
  }
}

static void add_operand(job *j, const fmp_view *v)
{
  j->data[j->operands] = v->data;
  j->bytes[j->operands] = fmp_element_bytes(v->dtype);
  j->dtypes[j->operands] = v->dtype;
  j->any_bf16 |= v->dtype == FMP_BF16;
  j->operands++;
}

static fmp_status run(const fmp_call *call)
{
  fmp_loop loop;
  job j = {.row = ROW_OF(call)};
  fmp_loop_begin(&loop, call->out);
  add_operand(&j, call->out);
  for (uint32_t k = 0; k < call->n_in; k++) {
    fmp_loop_add(&loop, &call->in[k]);
    add_operand(&j, &call->in[k]);
  }
  fmp_loop_merge(&loop);
  return fmp_loop_parallel(call, &loop, FMP_LOOP_GRAIN, tile, &j);
}

ALL_OPS(NUMBER_TABLE, FLOAT_TABLE)

#define KERNEL                                                                              \
  .struct_size = sizeof(fmp_kernel_def), .backend = "cpu", .name = "loops", .priority = 10, \
  .flags = FMP_KERNEL_STRIDED, .run = run

static const fmp_kernel_def kernels[] = {ALL_OPS(NUMBER_KERNEL, FLOAT_KERNEL)};

fmp_status elementwise_add_loops(const fmp_host *h, fmp_registry *r)
{
  return FMP_ADD_KERNELS(h, r, kernels);
}
