/* SPDX-License-Identifier: Apache-2.0
 * source_example: one example of a source, whatever its shapes are. */
#include "../source/source.h"

struct example_params {
  fmp_resource *source;
  int64_t index;
};

/* -- shape inference ------------------------------------------------------- */

static fmp_status check_index(const fmp_host *h, const fmp_source_copy *s, int64_t index)
{
  FMP_REQUIRE(h, index < s->about.count, FMP_EINVAL, "expected index below %lld, got %lld",
              (long long)s->about.count, (long long)index);
  return FMP_OK;
}

/* specs[FMP_SOURCE_MAX_FIELDS] of an example; `scratch` as the source wants it. */
static fmp_status find_specs(const fmp_host *h, const fmp_source_copy *s, int64_t index,
                             void *scratch, fmp_spec *specs)
{
  char why[FMP_SOURCE_WHY];
  const fmp_example e = {
      .struct_size = sizeof e, .index = index, .specs = specs, .scratch = scratch, .why = why};
  const fmp_status status = fmp_source_shape(h, s, &e);
  return status == FMP_OK ? FMP_OK : h->fail(status, "%s", why);
}

static fmp_status infer(const fmp_infer_args *a)
{
  const struct example_params *p = a->params;
  fmp_source_copy s;
  struct scratch scratch; /* as many as fields can be; the others stay absent */
  FMP_TRY(source_of(a->host, p->source, &s));
  FMP_TRY(check_index(a->host, &s, p->index));
  FMP_REQUIRE(a->host, scratch_make(a->host, s.about.scratch_bytes, &scratch), FMP_ENOMEM,
              "no memory for the %lld bytes that a source wants", (long long)s.about.scratch_bytes);
  const fmp_status status = find_specs(a->host, &s, p->index, scratch.memory, a->out);
  a->host->free(scratch.block);
  return status;
}

/* -- the kernel ------------------------------------------------------------ */

static fmp_status prepare(const fmp_kernel_args *args, void **state)
{
  const struct example_params *p = args->params;
  fmp_source_copy *s = args->host->alloc(sizeof *s);
  FMP_REQUIRE(args->host, s != NULL, FMP_ENOMEM, "no memory for a source's description");
  const fmp_status status = source_of(args->host, p->source, s);
  if (status == FMP_OK)
    *state = s;
  else
    args->host->free(s);
  return status;
}

static void release(const fmp_release_args *a) { a->host->free(a->state); }

static size_t scratch_bytes(const fmp_kernel_args *args, const void *state)
{
  (void)args;
  return (size_t)((const fmp_source_copy *)state)->about.scratch_bytes;
}

static int is_of(const fmp_view *v, const fmp_spec *s)
{
  int equal = v->dtype == s->dtype && v->rank == s->rank;
  for (uint32_t i = 0; i < s->rank && equal; i++) equal = v->shape[i] == s->shape[i];
  return equal;
}

/* Where each field goes. The memory has the shapes that the source gave before; what it does not
 * write is zero, not old memory. */
static fmp_status aim(const fmp_call *call, const fmp_source_copy *s, const fmp_spec *specs,
                      void **data)
{
  char text[FMP_SPEC_TEXT];
  for (uint32_t i = 0; i < call->n_out; i++) {
    const fmp_view *v = &call->out[i];
    data[i] = v->data;
    if (data[i] == NULL) continue;
    FMP_REQUIRE(call->host, i < s->about.n_fields, FMP_EPLUGIN,
                "a source: it no longer has field %u", i + 1);
    FMP_REQUIRE(call->host, is_of(v, &specs[i]), FMP_EPLUGIN,
                "a source gives field '%s' as %s, but gave it differently before",
                s->fields[i].name, call->host->spec_text(&specs[i], text));
    memset(data[i], 0, (size_t)fmp_source_bytes(&specs[i]));
  }
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const struct example_params *p = call->params;
  const fmp_source_copy *s = call->state;
  char why[FMP_SOURCE_WHY];
  fmp_spec specs[FMP_SOURCE_MAX_FIELDS];
  void *data[FMP_SOURCE_MAX_FIELDS];
  FMP_TRY(find_specs(call->host, s, p->index, call->scratch, specs));
  FMP_TRY(aim(call, s, specs, data));
  const fmp_example e = {.struct_size = sizeof e,
                         .index = p->index,
                         .specs = specs,
                         .data = data,
                         .scratch = call->scratch,
                         .why = why};
  const fmp_status status = fmp_source_read(s, &e);
  return status == FMP_OK ? FMP_OK : call->host->fail(status, "%s", why);
}

/* -- definition ------------------------------------------------------------ */

static const fmp_attr_def attrs[] = {
    SOURCE_ROW(struct example_params),
    FMP_ATTR(struct example_params, index, FMP_ATTR_I64, NULL, "[0,)", "which example, from 0")};

static const fmp_op_def def = {
    .struct_size = sizeof(fmp_op_def),
    .name = "source_example",
    .schema = "() -> (first, second?, third?, fourth?, fifth?, sixth?, seventh?, eighth?)",
    .doc = "One example of a source: its fields, as the source has them.\n"
           "In Lua `outputs = 2` asks for two fields, and so on.",
    .version = 1,
    .flags = FMP_OP_EFFECT | FMP_OP_HOST,
    FMP_PARAMS(struct example_params, attrs),
    .infer = infer};

static const fmp_kernel_def kernel = {.struct_size = sizeof(fmp_kernel_def),
                                      .op = "source_example",
                                      .backend = "cpu",
                                      .name = "ref",
                                      .dtypes = FMP_ANY_DTYPE,
                                      .prepare = prepare,
                                      .release = release,
                                      .scratch = scratch_bytes,
                                      .run = run};

fmp_status source_example_register(const fmp_host *h, fmp_registry *r);

fmp_status source_example_register(const fmp_host *h, fmp_registry *r)
{
  FMP_TRY(h->add_op(r, &def));
  return h->add_kernel(r, &kernel);
}
