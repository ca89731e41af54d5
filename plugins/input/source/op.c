/* SPDX-License-Identifier: Apache-2.0
 * source_info: what a source holds, before any queue is built on it. */
#include "source.h"

struct info_params {
  fmp_resource *source;
};

enum { COUNT, SPECS, TEXTS };
enum { SPEC_NUMBERS = 2 + FMP_MAX_RANK }; /* dtype, rank, dimensions */

/* -- texts ----------------------------------------------------------------- */

/* Each field's name and meaning, each followed by a zero byte, into `bytes` unless that is NULL.
 * Returns their number of bytes. */
static int64_t write_texts(const fmp_source_copy *s, char *bytes)
{
  int64_t n = 0;
  for (uint32_t i = 0; i < s->about.n_fields; i++) {
    const char *texts[] = {s->fields[i].name, s->fields[i].doc ? s->fields[i].doc : ""};
    for (int k = 0; k < 2; k++) {
      const size_t size = strlen(texts[k]) + 1;
      if (bytes) memcpy(bytes + n, texts[k], size);
      n += (int64_t)size;
    }
  }
  return n;
}

/* -- the op ---------------------------------------------------------------- */

static fmp_status infer(const fmp_infer_args *a)
{
  const struct info_params *p = a->params;
  fmp_source_copy s;
  FMP_TRY(source_of(a->host, p->source, &s));
  a->out[COUNT] = (fmp_spec){.dtype = FMP_I64};
  a->out[SPECS] =
      (fmp_spec){.dtype = FMP_I64, .rank = 2, .shape = {s.about.n_fields, SPEC_NUMBERS}};
  a->out[TEXTS] = (fmp_spec){.dtype = FMP_U8, .rank = 1, .shape = {write_texts(&s, NULL)}};
  return FMP_OK;
}

static void write_spec(const fmp_spec *spec, int64_t *numbers)
{
  numbers[0] = spec->dtype;
  numbers[1] = spec->rank;
  memcpy(numbers + 2, spec->shape, sizeof spec->shape);
}

static fmp_status run(const fmp_call *call)
{
  const struct info_params *p = call->params;
  const fmp_view *out = call->out;
  fmp_source_copy s;
  FMP_TRY(source_of(call->host, p->source, &s));
  FMP_REQUIRE(call->host,
              out[SPECS].shape[0] == s.about.n_fields &&
                  out[TEXTS].shape[0] == write_texts(&s, NULL),
              FMP_EPLUGIN, "a source: its fields have changed");
  if (out[COUNT].data) *(int64_t *)out[COUNT].data = s.about.count;
  for (uint32_t i = 0; i < s.about.n_fields && out[SPECS].data; i++)
    write_spec(&s.fields[i].spec, (int64_t *)out[SPECS].data + i * SPEC_NUMBERS);
  if (out[TEXTS].data) (void)write_texts(&s, out[TEXTS].data);
  return FMP_OK;
}

fmp_status source_register(const fmp_host *h, fmp_registry *r);

fmp_status source_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {SOURCE_ROW(struct info_params)};
  static const fmp_op_def op = {
      .struct_size = sizeof op,
      .name = "source_info",
      .schema = "() -> (count, specs, texts)",
      .doc =
          "What a source holds.\n"
          "count: i64 [], its examples; specs: i64 [fields,10], for each field the number of its "
          "type, its rank and 8 dimensions, -1 where examples differ; texts: u8 [bytes], each "
          "field's name and meaning, each followed by a zero byte.",
      .version = 1,
      .flags = FMP_OP_EFFECT | FMP_OP_HOST,
      FMP_PARAMS(struct info_params, attrs),
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
