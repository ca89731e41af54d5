/* SPDX-License-Identifier: Apache-2.0
 *
 * prepare_images: what a queue's workers do to images, as an op, for a step or a traced
 * function. Draws are keyed as in any random op: by seed, node, step and sample. */
#include "../batch_queue/example.h"
#include "fmp/kit/check.h"

struct prepare_params {
  struct recipe_options recipe;
};

enum { LARGEST_SIDE = 65535 };

/* -- shape inference -------------------------------------------------------- */

static fmp_status check_image(const fmp_host *h, const fmp_spec *x)
{
  FMP_TRY(fmp_check_rank(h, "x", x, 4, "[n,h,w,c]"));
  FMP_TRY(fmp_check_dtype(h, "x", x, FMP_BIT(FMP_U8), "u8"));
  for (int i = 1; i <= 3; i++)
    FMP_REQUIRE(h, x->shape[i] >= 1 && x->shape[i] <= LARGEST_SIDE, FMP_ESHAPE,
                "expected height, width and channels from 1 to %d, got %lld", (int)LARGEST_SIDE,
                (long long)x->shape[i]);
  FMP_REQUIRE(h, x->shape[0] <= (int64_t)UINT32_MAX, FMP_ESHAPE,
              "expected fewer than 2^32 images, got %lld", (long long)x->shape[0]);
  return FMP_OK;
}

static fmp_status infer(const fmp_infer_args *a)
{
  const struct prepare_params *p = a->params;
  struct recipe r;
  FMP_TRY(check_image(a->host, &a->in[0]));
  FMP_TRY(recipe_set(a->host, &p->recipe, a->in[0].shape + 1, FMP_F32, &r));
  const struct geometry *g = &r.geometry;
  a->out[0] =
      (fmp_spec){.dtype = FMP_F32,
                 .rank = 4,
                 .shape = {a->in[0].shape[0], g->field_height, g->field_width, g->channels}};
  return FMP_OK;
}

/* -- the kernel ------------------------------------------------------------- */

struct job {
  struct recipe recipe;
  const fmp_rng *rng;
  const uint8_t *x;
  float *y, *scratch; /* scratch: an image with a border, for each sample */
};

static fmp_status samples(const fmp_range *range)
{
  const struct job *job = range->arg;
  const struct geometry *g = &job->recipe.geometry;
  const int64_t pixels = g->height * g->width * g->channels;
  for (int64_t i = range->begin; i < range->end; i++) {
    const struct affine_key key = {job->rng->seed, job->rng->node, *job->rng->step, (uint32_t)i};
    example_write(&job->recipe, g, job->x + i * pixels,
                  job->scratch + i * recipe_scratch(&job->recipe, g), &key,
                  job->y + i * recipe_elements(&job->recipe));
  }
  return FMP_OK;
}

static size_t scratch(const fmp_kernel_args *args, const void *state)
{
  const struct recipe_options *o = &((const struct prepare_params *)args->params)->recipe;
  const int64_t *shape = args->in[0].shape;
  (void)state;
  if (!recipe_augments(o)) return 0;
  return (size_t)(shape[0] * (shape[1] + 2) * (shape[2] + 2) * shape[3]) * sizeof(float);
}

static fmp_status run(const fmp_call *call)
{
  const struct prepare_params *p = call->params;
  struct job job = {
      .rng = call->rng, .x = call->in[0].data, .y = call->out[0].data, .scratch = call->scratch};
  if (job.y == NULL) return FMP_OK;
  FMP_TRY(recipe_set(call->host, &p->recipe, call->in[0].shape + 1, FMP_F32, &job.recipe));
  return call->host->parallel_for(call, call->in[0].shape[0], 1, samples, &job);
}

/* -- definition ------------------------------------------------------------- */

static const fmp_attr_def attrs[] = {
    RECIPE_ROWS(struct prepare_params, 0, RECIPE_PLAIN),
    RECIPE_ROW(struct prepare_params, field, FMP_ATTR_I64S, "[]", "[1,65536)",
               "[height,width] of a field of zeros that images are centred on, or cut to")};

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "prepare_images",
    .schema = "(x) -> (y)",
    .doc = "Scales, distorts and centres images, each by a draw of its own, new at each step.\n"
           "x u8 [n,h,w,c] -> y f32 [n,fh,fw,c]. A queue's workers do the same with the same\n"
           "attributes. A point of an image goes to K diag(f sx, sy) (x, y) + t about its centre:\n"
           "sx, sy in 1 +- stretch, f = -1 with probability flip, K a shear along x or y or a\n"
           "rotation by up to skew, t whole pixels; values between pixels are bilinear.",
    .version = 1,
    .flags = FMP_OP_RANDOM,
    FMP_PARAMS(struct prepare_params, attrs),
    .infer = infer,
};

static const fmp_kernel_def kernel = {
    .struct_size = sizeof(fmp_kernel_def),
    .op = "prepare_images",
    .backend = "cpu",
    .name = "ref",
    .dtypes = FMP_BIT(FMP_U8),
    .scratch = scratch,
    .run = run,
};

fmp_status prepare_images_register(const fmp_host *h, fmp_registry *r);

fmp_status prepare_images_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}
