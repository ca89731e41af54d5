/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel of fmp_regions. Each sample s (0 where there is one sequence per batch) and axis a
 * draws from blocks of its own, from a 2^31 on, so that no draw depends on threads or on the
 * other axis. */
#include "fmp_regions.h"

enum { DRAWS_GRAIN = 4096 /* positions that are worth a thread's while */ };

struct job {
  const struct regions_params *params;
  const int64_t *image; /* height, width */
  const fmp_rng *rng;
  const fmp_view *out; /* rows, cols */
};

static double u_of(const struct regions_params *p, const struct sequence *s, int axis,
                   struct sequence_draws *d)
{
  const double *u = p->u.items;
  if (p->u.count > 0) return u[p->u.count == 1 ? 0 : axis];
  return sequence_draw_u(s, d);
}

static void draw(const struct job *job, int axis, int64_t sample)
{
  const struct regions_params *p = job->params;
  const struct sequence s = sequence_of(job->image[axis], axis_item(&p->out, axis),
                                        regions_pool(p, axis), regions_formula(p));
  int32_t *positions = (int32_t *)job->out[axis].data + sample * (s.steps + 1);
  struct sequence_draws d = {
      .key = fmp_philox_key_of(job->rng->seed, job->rng->node),
      .step = *job->rng->step,
      .sample = (uint32_t)sample,
      .block = (uint32_t)axis << 31,
  };
  if (regions_random(p))
    sequence_shuffle(&s, &d, positions);
  else
    sequence_walk(&s, u_of(p, &s, axis, &d), positions);
}

static fmp_status samples(const fmp_range *r)
{
  const struct job *job = r->arg;
  for (int64_t s = r->begin; s < r->end; s++)
    for (int axis = 0; axis < 2; axis++)
      if (job->out[axis].data != NULL) draw(job, axis, s);
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const struct regions_params *p = call->params;
  const int64_t n = regions_per_sample(p) ? call->in[0].shape[0] : 1;
  const int64_t positions = axis_item(&p->out, 0) + axis_item(&p->out, 1);
  struct job job = {p, call->in[0].shape + 1, call->rng, call->out};
  return call->host->parallel_for(call, n, DRAWS_GRAIN / positions + 1, samples, &job);
}

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "fmp_regions",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_BIT(FMP_I32),
    .run = run,
};

fmp_status regions_add_ref(const fmp_host *h, fmp_registry *r) { return h->add_kernel(r, &kernel); }
