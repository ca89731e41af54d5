/* SPDX-License-Identifier: Apache-2.0 */
#include "trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fmp/kit/half.h"
#include "guard.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

enum { PLACE_OUT = TRIAL_INPUTS, PLACE_SCRATCH, PLACES };

/* -- specs and views ------------------------------------------------------- */

static int64_t size_of(const fmp_spec *s)
{
  int64_t size = 1;
  for (uint32_t i = 0; i < s->rank; i++) size *= s->shape[i];
  return size;
}

static int64_t element_bytes(uint32_t dtype)
{
  return dtype == FMP_F64 ? 8 : dtype == FMP_BF16 ? 2 : 4;
}

int64_t trial_bytes(const fmp_spec *s) { return size_of(s) * element_bytes(s->dtype); }

fmp_kernel_args trial_args(const struct trial *t, const fmp_kernel_def *kernel)
{
  return (fmp_kernel_args){.struct_size = sizeof(fmp_kernel_args),
                           .host = bare_host(),
                           .data = kernel->data,
                           .threads = omp_get_max_threads(),
                           .params = t->params,
                           .in = t->in,
                           .n_in = t->n_in,
                           .out = &t->out,
                           .n_out = 1};
}

static fmp_view view_of(const fmp_spec *s, void *data)
{
  fmp_view v = {.data = data, .dtype = s->dtype, .rank = s->rank};
  int64_t stride = 1;
  for (uint32_t i = s->rank; i-- > 0; stride *= s->shape[i]) {
    v.shape[i] = s->shape[i];
    v.strides[i] = stride;
  }
  return v;
}

static double value_at(const fmp_spec *s, const void *data, int64_t i)
{
  switch (s->dtype) {
  case FMP_F64: return ((const double *)data)[i];
  case FMP_BF16: return (double)fmp_bf16_to_f32(((const uint16_t *)data)[i]);
  default: return (double)((const float *)data)[i];
  }
}

/* -- one call -------------------------------------------------------------- */

/* What a kernel must leave as it was: threads, rounding, denormals. */
static unsigned state_of_thread(void)
{
#if defined(__x86_64__)
  const unsigned modes = _mm_getcsr() & ~(unsigned)_MM_EXCEPT_MASK;
#else
  const unsigned modes = 0;
#endif
  return modes ^ (unsigned)omp_get_max_threads() << 16;
}

static const char *lend(const struct trial *t, size_t scratch, int side, fmp_call *call,
                        fmp_view *views)
{
  for (uint32_t i = 0; i < t->n_in; i++) {
    void *memory = NULL;
    const size_t bytes = t->data[i] ? (size_t)trial_bytes(&t->in[i]) : 0;
    if (t->data[i] && !(memory = guard_take((int)i, bytes, side))) return "input too large";
    if (memory) memcpy(memory, t->data[i], bytes);
    views[i] = view_of(&t->in[i], memory);
  }
  views[PLACE_OUT] = view_of(&t->out, guard_take(PLACE_OUT, (size_t)trial_bytes(&t->out), side));
  if (!views[PLACE_OUT].data) return "output too large";
  call->scratch = scratch ? guard_take(PLACE_SCRATCH, scratch, side) : NULL;
  return scratch && !call->scratch ? "scratch memory too large" : NULL;
}

static const char *what_changed(const struct trial *t, const fmp_view *views)
{
  static const char *const names[PLACES] = {"input 1", "input 2", "input 3", "output", "scratch"};
  static char text[64];
  for (int i = 0; i < PLACES; i++) {
    const size_t count = guard_broken(i);
    if (!count) continue;
    snprintf(text, sizeof text, "writes %zu bytes beside its %s", count, names[i]);
    return text;
  }
  for (uint32_t i = 0; i < t->n_in; i++)
    if (t->data[i] && memcmp(t->data[i], views[i].data, (size_t)trial_bytes(&t->in[i])) != 0)
      return "writes into an input";
  return *library_args_fault() ? library_args_fault() : NULL;
}

/* NULL if all is well but for the values, which are in *out. */
static const char *call_kernel(const fmp_kernel_def *kernel, const struct trial *t, void *state,
                               int side, const void **out)
{
  fmp_view views[PLACES] = {{0}};
  fmp_call call = {.struct_size = sizeof call,
                   .host = bare_host(),
                   .data = kernel->data,
                   .threads = omp_get_max_threads(),
                   .params = t->params,
                   .state = state,
                   .in = views,
                   .out = &views[PLACE_OUT],
                   .n_in = t->n_in,
                   .n_out = 1};
  const fmp_kernel_args args = trial_args(t, kernel);
  const size_t scratch = kernel->scratch ? kernel->scratch(&args, state) : 0;
  const char *problem = lend(t, scratch, side, &call, views);
  if (problem) return problem;
  const unsigned before = state_of_thread();
  library_args_begin(side);
  if (kernel->run(&call) != FMP_OK) return bare_error();
  if (state_of_thread() != before) return "leaves threads or rounding changed";
  *out = views[PLACE_OUT].data;
  return what_changed(t, views);
}

/* -- values ---------------------------------------------------------------- */

/* The first that is too far from what is expected; -1: none. */
static int64_t differs(const struct trial *t, const void *expected, const void *got,
                       struct tolerance tolerance)
{
  const int64_t n = size_of(&t->out);
  double largest = 0.1; /* of sums of products of 1 at most, which may cancel */
  for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(value_at(&t->out, expected, i)));
  for (int64_t i = 0; i < n; i++) {
    const double want = value_at(&t->out, expected, i), is = value_at(&t->out, got, i);
    if (!(fabs(want - is) <= tolerance.rounding * fabs(want) + tolerance.largest * largest))
      return i;
  }
  return -1;
}

const void *trial_reference(const struct bare_plugin *plugin, const char *op, const struct trial *t,
                            struct report *r)
{
  static _Alignas(64) char buffer[TRIAL_BYTES];
  const fmp_kernel_def *kernel;
  const void *out = NULL;
  const char *problem = "too large";
  int i = 0;
  while ((kernel = bare_kernel(plugin, op, i++)) && strcmp(kernel->name, "ref") != 0) continue;
  snprintf(r->doing, sizeof r->doing, "%s %s ref", t->name, op);
  if (trial_bytes(&t->out) <= TRIAL_BYTES) problem = call_kernel(kernel, t, NULL, GUARD_HIGH, &out);
  if (problem) {
    FAULT(r, "%s: %s\n", r->doing, problem);
    return NULL;
  }
  memcpy(buffer, out, (size_t)trial_bytes(&t->out));
  r->counts[COUNT_REFERENCES]++;
  return buffer;
}

/* -- all calls of one kernel ----------------------------------------------- */

struct way {
  int threads, side;
};

static void name_doing(const fmp_kernel_def *kernel, const struct trial *t, struct way way,
                       struct report *r)
{
  static const char *const types[FMP_DTYPE_COUNT] = {"-", "f32", "f64", "bf16"};
  snprintf(r->doing, sizeof r->doing, "%s %s %s to %s, %s, on %d", t->name, kernel->op,
           types[t->in[0].dtype], types[t->out.dtype], kernel->name, way.threads);
}

/* The state's run on the threads that it was made for. Zero: a fault. */
static int run_once(const fmp_kernel_def *kernel, const struct trial *t, void *state,
                    struct way way, const void *expected, struct tolerance tolerance,
                    struct report *r)
{
  const void *out = NULL;
  const char *problem = call_kernel(kernel, t, state, way.side, &out);
  r->counts[COUNT_RUNS]++;
  const int64_t at = problem ? -1 : differs(t, expected, out, tolerance);
  if (problem) FAULT(r, "%s%s: %s\n", r->doing, library_args_implementation(), problem);
  if (at >= 0)
    FAULT(r, "%s%s: element %lld: expected %.9g, got %.9g\n", r->doing,
          library_args_implementation(), (long long)at, value_at(&t->out, expected, at),
          value_at(&t->out, out, at));
  return !problem && at < 0;
}

static int takes(const fmp_kernel_def *kernel, const struct trial *t, const fmp_kernel_args *args)
{
  for (uint32_t i = 0; i < t->n_in; i++)
    if (t->in[i].dtype != FMP_NONE && !(kernel->dtypes & FMP_BIT(t->in[i].dtype))) return 0;
  return !kernel->supports || kernel->supports(args);
}

static int try_way(const fmp_kernel_def *kernel, const struct trial *t, struct way way,
                   const void *expected, struct tolerance tolerance, struct report *r)
{
  void *state = NULL;
  int is_well = 1;
  name_doing(kernel, t, way, r);
  omp_set_num_threads(way.threads);
  const fmp_kernel_args args = trial_args(t, kernel);
  if (!takes(kernel, t, &args)) {
    r->counts[COUNT_REFUSED]++;
  } else if (kernel->prepare && kernel->prepare(&args, &state) != FMP_OK) {
    FAULT(r, "%s: prepare: %s\n", r->doing, bare_error());
    is_well = 0;
  } else {
    is_well = run_once(kernel, t, state, way, expected, tolerance, r);
  }
  const fmp_release_args ended = {
      .struct_size = sizeof ended, .host = bare_host(), .data = kernel->data, .state = state};
  if (state && kernel->release) kernel->release(&ended);
  return is_well;
}

void trial_kernel(const fmp_kernel_def *kernel, const struct trial *t, const void *expected,
                  struct tolerance tolerance, struct report *r)
{
  static const struct way ways[] = {{1, GUARD_LOW}, {2, GUARD_HIGH}};
  for (int i = 0; i < 2; i++)
    if (!try_way(kernel, t, ways[i], expected, tolerance, r)) return;
}
