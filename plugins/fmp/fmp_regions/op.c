/* SPDX-License-Identifier: Apache-2.0
 *
 * fmp_regions: draws the regions of one fractional max pooling. Separate from the pooling,
 * so that regions can be given, kept, and tested without any arithmetic on images. */
#include "fmp_regions.h"

/* -- shape inference -------------------------------------------------------- */

/* The larger of the steps that a drawn sequence has along an axis, or the fixed size. */
static int64_t widest(const struct regions_params *p, int axis, int64_t in)
{
  const int64_t pool = regions_pool(p, axis), out = axis_item(&p->out, axis);
  return pool > 0 ? pool : in / out + (in % out != 0);
}

static fmp_status check_axis(const fmp_host *h, const struct regions_params *p, int axis,
                             int64_t in)
{
  const int64_t out = axis_item(&p->out, axis);
  FMP_TRY(axis_check_out(h, axis, in, out));
  if (!axis_fixed(p->window)) return FMP_OK;
  return axis_check_fixed(h, axis, in, out, axis_item(&p->pool, axis));
}

static fmp_status check_u(const fmp_host *h, const struct regions_params *p)
{
  FMP_REQUIRE(h, p->u.count <= 2, FMP_EINVAL,
              "expected u of at most 2 numbers [vertical,horizontal], got %lld",
              (long long)p->u.count);
  FMP_REQUIRE(h, p->u.count == 0 || !regions_random(p), FMP_EINVAL,
              "expected no u with mode \"random\" (it belongs to \"pseudorandom\"), got %lld",
              (long long)p->u.count);
  return FMP_OK;
}

static fmp_spec sequence_spec(const struct regions_params *p, int axis, int64_t n)
{
  const int64_t length = axis_item(&p->out, axis) + !axis_fixed(p->window);
  if (!regions_per_sample(p)) return (fmp_spec){.dtype = FMP_I32, .rank = 1, .shape = {length}};
  return (fmp_spec){.dtype = FMP_I32, .rank = 2, .shape = {n, length}};
}

static fmp_status infer(const fmp_infer_args *args)
{
  const fmp_host *h = args->host;
  const struct regions_params *p = args->params;
  const int64_t *shape = args->in->shape;
  FMP_TRY(axis_check_image(h, args->in));
  FMP_TRY(axis_check_pair(h, "out", &p->out));
  FMP_TRY(axis_check_pair(h, "pool", &p->pool));
  FMP_TRY(check_u(h, p));
  for (int axis = 0; axis < 2; axis++) FMP_TRY(check_axis(h, p, axis, shape[1 + axis]));
  FMP_TRY(axis_check_taps(h, widest(p, 0, shape[1]), widest(p, 1, shape[2])));
  FMP_REQUIRE(h, !regions_per_sample(p) || shape[0] <= (int64_t)UINT32_MAX, FMP_ESHAPE,
              "expected fewer than 2^32 samples, got %lld", (long long)shape[0]);
  for (int axis = 0; axis < 2 && (uint32_t)axis < args->n_out; axis++)
    args->out[axis] = sequence_spec(p, axis, shape[0]);
  return FMP_OK;
}

/* Regions depend on no input's value: none gets a gradient, and asking for one is no error. */
static fmp_status no_gradient(const fmp_gradient_args *args)
{
  (void)args;
  return FMP_OK;
}

/* -- definition ------------------------------------------------------------- */

#define ATTR(field, kind, default_text, allowed, doc) \
  FMP_ATTR(struct regions_params, field, kind, default_text, allowed, doc)

static const fmp_attr_def attrs[] = {
    ATTR(out, FMP_ATTR_I64S, NULL, NULL, "height and width after pooling"),
    ATTR(mode, FMP_ATTR_STRING, "random", "random|pseudorandom",
         "random: steps in random order; pseudorandom: evenly spread, from one random u"),
    ATTR(window, FMP_ATTR_STRING, "boundaries", AXIS_WINDOWS,
         "boundaries: out + 1 positions, from 0 to the image's end; fixed: the start of each "
         "of out windows of `pool` pixels"),
    ATTR(pool, FMP_ATTR_I64S, "[2]", NULL, "height and width of fixed windows"),
    ATTR(per, FMP_ATTR_STRING, "batch", "batch|sample",
         "batch: one sequence for all images; sample: one for each"),
    ATTR(sequence, FMP_ATTR_STRING, "tensorflow", "tensorflow|paper|graham",
         "whose formula gives pseudorandom boundaries"),
    ATTR(u, FMP_ATTR_F64S, "[]", "[0,1]",
         "the formula's u, vertical and horizontal, for tests and to repeat a result; []: drawn"),
};

static const char doc[] =
    "Draws where the windows of a fractional max pooling lie.\n"
    "x [n,h,w,c], of which only the shape is used -> rows, cols i32: [oh+1] and [ow+1]\n"
    "boundaries or [oh] and [ow] starts; with per = sample [n,oh+1] and so on. Rows and columns\n"
    "are drawn independently of each other, new at each step.\n"
    "Steps from position to position are floor(a) or floor(a) + 1 long, with a = h / oh or, for\n"
    "fixed windows, a = (h - pool) / (oh - 1). pseudorandom boundaries, with one u in (0, max]:\n"
    "  tensorflow  ceil(a (i + u)) - 1, the first 0, the last h\n"
    "  paper       ceil(a (i + u)) - ceil(a u)\n"
    "  graham      floor(a (i + u)) - floor(a u); fixed starts always use this, as in PyTorch\n"
    "in f64, corrected to legal steps where rounding would miss one. B. Graham, \"Fractional\n"
    "max-pooling\", arXiv:1412.6071. Windows have at most 256 elements.";

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "fmp_regions",
    .schema = "(x~) -> (rows, cols)",
    .doc = doc,
    .version = 1,
    .flags = FMP_OP_RANDOM,
    FMP_PARAMS(struct regions_params, attrs),
    .infer = infer,
    .gradient = no_gradient,
    .gradient_ops = "",
};

fmp_status fmp_regions_register(const fmp_host *h, fmp_registry *r);

fmp_status fmp_regions_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  return regions_add_ref(h, r);
}
