/* SPDX-License-Identifier: Apache-2.0
 * source_info: what a reader holds, before any queue is built on it. */
#include "source.h"

#include <string.h>

struct info_params {
  fmp_resource *source;
};

enum { INFO_FIELDS = 4 };

static fmp_status infer(const fmp_host *h, const void *params, const fmp_spec *in, uint32_t n_in,
                        fmp_spec *out, uint32_t n_out)
{
  (void)h, (void)params, (void)in, (void)n_in, (void)n_out;
  memset(&out[0], 0, sizeof out[0]);
  out[0].dtype = FMP_I64;
  out[0].rank = 1;
  out[0].shape[0] = INFO_FIELDS;
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const struct info_params *p = call->params;
  const fmp_source *s = source_of(call->host, p->source);
  if (s == NULL) return FMP_EINVAL; /* the host has kept the text */
  const int64_t info[INFO_FIELDS] = {s->count, s->height, s->width, s->channels};
  if (call->out[0].data) memcpy(call->out[0].data, info, sizeof info);
  return FMP_OK;
}

fmp_status source_register(const fmp_host *h, fmp_registry *r);

fmp_status source_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {FMP_ATTR(struct info_params, source, FMP_ATTR_RESOURCE, NULL,
                                                NULL,
                                                "a reader: record_reader, idx_reader or another")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "source_info",
                                .schema = "() -> (info)",
                                .doc =
                                    "What a reader holds: i64 [examples, height, width, channels].",
                                .version = 1,
                                .flags = FMP_OP_EFFECT | FMP_OP_HOST,
                                .attrs = attrs,
                                .n_attr = 1,
                                .attr_size = sizeof(fmp_attr_def),
                                .params_size = sizeof(struct info_params),
                                .infer = infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "source_info",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_ANY_DTYPE,
                                        .run = run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}
