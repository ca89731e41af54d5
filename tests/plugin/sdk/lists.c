/* SPDX-License-Identifier: Apache-2.0
 * sdk_lists: says what its attributes are, lists of every kind that has elements. */
#include "sdk.h"

#include <string.h>

struct lists_params {
  fmp_list flags, sizes, factors, words, types;
};

enum { ANSWERS = 5 };

static fmp_status infer(const fmp_infer_args *args)
{
  args->out[0].dtype = FMP_F64;
  args->out[0].rank = 1;
  args->out[0].shape[0] = ANSWERS;
  return FMP_OK;
}

/* y = how many flags are set, the sizes' sum, the factors' product, the words' letters, and
 * the bytes of one element of each type */
static fmp_status run(const fmp_call *call)
{
  static const double bytes[FMP_DTYPE_COUNT] = {0, 4, 8, 2, 2, 1, 4, 8};
  const struct lists_params *p = call->params;
  double answers[ANSWERS] = {0, 0, 1, 0, 0};
  for (int64_t i = 0; i < p->flags.count; i++) answers[0] += ((const int32_t *)p->flags.items)[i];
  for (int64_t i = 0; i < p->sizes.count; i++)
    answers[1] += (double)((const int64_t *)p->sizes.items)[i];
  for (int64_t i = 0; i < p->factors.count; i++)
    answers[2] *= ((const double *)p->factors.items)[i];
  for (int64_t i = 0; i < p->words.count; i++)
    answers[3] += (double)strlen(((const char *const *)p->words.items)[i]);
  for (int64_t i = 0; i < p->types.count; i++)
    answers[4] += bytes[((const uint32_t *)p->types.items)[i]];
  memcpy(call->out[0].data, answers, sizeof answers);
  return FMP_OK;
}

fmp_status lists_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct lists_params, flags, FMP_ATTR_BOOLS, "[]", NULL, "yes or no"),
      FMP_ATTR(struct lists_params, sizes, FMP_ATTR_I64S, "[1,2]", "[0,100]", "whole numbers"),
      FMP_ATTR(struct lists_params, factors, FMP_ATTR_F64S, "[0.5]", "(0,)", "numbers"),
      FMP_ATTR(struct lists_params, words, FMP_ATTR_STRINGS, "[red]", "red|green|blue", "colours"),
      FMP_ATTR(struct lists_params, types, FMP_ATTR_DTYPES, "[f32,u8]", NULL, "types")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "sdk_lists",
                                .schema = "() -> (y)",
                                .doc = "What its lists of attributes come to.",
                                .version = 1,
                                FMP_PARAMS(struct lists_params, attrs),
                                .infer = infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_lists",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_ANY_DTYPE,
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
