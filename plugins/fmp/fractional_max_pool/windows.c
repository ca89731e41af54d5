/* SPDX-License-Identifier: Apache-2.0 */
#include "windows.h"

/* -- specs ------------------------------------------------------------------- */

static const char *const names[2] = {"rows", "cols"};

static fmp_status check_sequences(const fmp_host *h, int axis, int64_t n, const fmp_spec *s)
{
  char text[FMP_SPEC_TEXT];
  const int shaped = s->rank == 1 || (s->rank == 2 && s->shape[0] == n);
  FMP_REQUIRE(h, s->dtype == FMP_I32 && shaped, FMP_ESHAPE,
              "expected %s of i32 [length] or, for %lld images, i32 [%lld,length], got %s",
              names[axis], (long long)n, (long long)n, h->spec_text(s, text));
  return FMP_OK;
}

/* How large some window must be at least, by shapes alone: where boundaries lie close together
 * in one part of the image, others are further apart. */
static int64_t widest_known(const struct axis *a) { return a->pool > 0 ? a->pool : 1; }

static fmp_status make_axis(const fmp_host *h, const struct pool_params *params, int axis,
                            const fmp_spec *x, const fmp_spec *s, struct axis *a)
{
  const int fixed = axis_fixed(params->window);
  FMP_TRY(check_sequences(h, axis, x->shape[0], s));
  *a = (struct axis){
      .in = x->shape[1 + axis],
      .out = s->shape[s->rank - 1] - !fixed,
      .sequences = s->rank == 2 ? x->shape[0] : 1,
      .pool = fixed ? axis_item(&params->pool, axis) : 0,
      .overlapping = params->overlapping && !fixed,
  };
  FMP_TRY(axis_check_out(h, axis, a->in, a->out));
  if (!fixed) return FMP_OK;
  return axis_check_fixed(h, axis, a->in, a->out, axis_item(&params->pool, axis));
}

fmp_status pooling_make(const fmp_host *h, const struct pool_params *params, const fmp_spec *x,
                        const fmp_spec sequences[2], struct pooling *p)
{
  FMP_TRY(axis_check_image(h, x));
  FMP_TRY(fmp_check_dtype(h, "x", x, FMP_FLOATS, "f32, f64 or bf16"));
  FMP_REQUIRE(h, x->shape[3] >= 1, FMP_ESHAPE, "expected x of at least 1 channel, got 0");
  FMP_TRY(axis_check_pair(h, "pool", &params->pool));
  FMP_TRY(fmp_check_holds(h, "slope", x->dtype, params->slope));
  p->n = x->shape[0];
  p->c = x->shape[3];
  for (int axis = 0; axis < 2; axis++)
    FMP_TRY(make_axis(h, params, axis, x, &sequences[axis], &p->axis[axis]));
  return axis_check_taps(h, widest_known(&p->axis[0]), widest_known(&p->axis[1]));
}

/* -- tables ------------------------------------------------------------------ */

static int64_t axis_numbers(const struct axis *a) { return a->sequences * axis_table_length(a); }

/* Shapes that no memory could hold can be planned, though never run: a size that is certain to
 * be refused is enough for them. */
size_t pooling_scratch(const fmp_spec *x, const fmp_spec *y, const fmp_spec sequences[2])
{
  const double most = 0x1p60;
  double bytes = 0;
  for (int axis = 0; axis < 2; axis++) {
    const struct axis a = {.in = x->shape[1 + axis], .out = y->shape[1 + axis]};
    const int64_t count = sequences[axis].rank == 2 ? x->shape[0] : 1;
    bytes += (double)axis_table_length(&a) * (double)count * sizeof(int32_t);
  }
  return (size_t)(bytes < most ? bytes : most); /* exact up to 2^53 */
}

/* The end of window i, where position i + 1 is `next`. */
static int64_t window_end(const struct axis *a, int64_t start, int64_t next)
{
  if (a->pool > 0) return start + a->pool;
  return next + (a->overlapping && next < a->in);
}

static fmp_status check_position(const fmp_host *h, const struct axis *a, int axis,
                                 const int32_t *given, int64_t i)
{
  const int64_t last = a->in - a->pool;
  FMP_REQUIRE(h, given[i] >= 0 && given[i] <= last, FMP_EINVAL,
              "expected %s from 0 to %lld, got %d at position %lld", names[axis], (long long)last,
              (int)given[i], (long long)i);
  FMP_REQUIRE(h, i == 0 || given[i] > given[i - 1], FMP_EINVAL,
              "expected %s that rise, got %d after %d at position %lld", names[axis], (int)given[i],
              (int)given[i - 1], (long long)i);
  return FMP_OK;
}

/* start and size of each window of one sequence, and the largest size. */
static void list_windows(const struct axis *a, const int32_t *given, int32_t *table)
{
  int32_t *size = table + a->out, *widest = table + 2 * (a->out + a->in);
  *widest = 0;
  for (int64_t i = 0; i < a->out; i++) {
    const int64_t next = a->pool > 0 ? 0 : given[i + 1];
    table[i] = given[i];
    size[i] = (int32_t)(window_end(a, given[i], next) - given[i]);
    if (size[i] > *widest) *widest = size[i];
  }
}

/* For each pixel, the windows that hold it: those that have not ended, as far as they
 * have started. */
static void list_pixels(const struct axis *a, int32_t *table)
{
  const int32_t *start = table, *size = table + a->out;
  int32_t *first = table + 2 * a->out, *count = first + a->in;
  int64_t ended = 0, started = 0;
  for (int64_t k = 0; k < a->in; k++) {
    while (started < a->out && start[started] <= k) started++;
    while (ended < started && start[ended] + size[ended] <= k) ended++;
    first[k] = (int32_t)ended;
    count[k] = (int32_t)(started - ended);
  }
}

struct job {
  const fmp_host *h;
  const struct pooling *p;
  int axis;
};

static fmp_status sequences_of_axis(const fmp_range *r)
{
  const struct job *job = r->arg;
  const struct axis *a = &job->p->axis[job->axis];
  const int64_t length = axis_length(a);
  for (int64_t s = r->begin; s < r->end; s++) {
    const int32_t *given = a->given + s * length;
    for (int64_t i = 0; i < length; i++) FMP_TRY(check_position(job->h, a, job->axis, given, i));
    list_windows(a, given, axis_table(a, s));
    list_pixels(a, axis_table(a, s));
  }
  return FMP_OK;
}

/* For every image: sequences that users pass in may hold windows of any size. */
static fmp_status check_widest(const fmp_host *h, const struct pooling *p)
{
  const struct axis *y = &p->axis[0], *x = &p->axis[1];
  const int64_t sequences = y->sequences > x->sequences ? y->sequences : x->sequences;
  for (int64_t n = 0; n < sequences && n < p->n; n++)
    FMP_TRY(axis_check_taps(h, axis_table(y, n)[2 * (y->out + y->in)],
                            axis_table(x, n)[2 * (x->out + x->in)]));
  return FMP_OK;
}

fmp_status pooling_begin(const fmp_call *call, const fmp_view *x, const fmp_view sequences[2],
                         void *scratch, struct pooling *p)
{
  const fmp_spec image = fmp_view_spec(x);
  const fmp_spec specs[2] = {fmp_view_spec(&sequences[0]), fmp_view_spec(&sequences[1])};
  int32_t *tables = scratch;
  FMP_TRY(pooling_make(call->host, call->params, &image, specs, p));
  for (int axis = 0; axis < 2; axis++) {
    struct axis *a = &p->axis[axis];
    struct job job = {call->host, p, axis};
    const int64_t grain = 16384 / axis_table_length(a) + 1;
    a->given = sequences[axis].data;
    a->tables = tables;
    tables += axis_numbers(a);
    FMP_TRY(call->host->parallel_for(call, a->sequences, grain, sequences_of_axis, &job));
  }
  return check_widest(call->host, p);
}
