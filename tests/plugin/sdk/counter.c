/* SPDX-License-Identifier: Apache-2.0
 * sdk_counter, a resource that counts, can be saved and restored; sdk_next, the op that takes
 * its next number: an effect, so it is never dropped, merged or moved; and sdk_labelled, a view
 * that holds a counter without asking it anything. */
#include "sdk.h"

#include <stdatomic.h>
#include <string.h>

/* What open() is given. */
struct open_params {
  int64_t start, stride;
};

struct counter {
  _Atomic int64_t next; /* two plans may use it at once */
  int64_t stride;
};

/* -- the resource ---------------------------------------------------------- */

static fmp_status open_counter(const fmp_resource_args *args, void **state)
{
  const struct open_params *p = args->params;
  struct counter *c = args->host->alloc(sizeof *c);
  FMP_REQUIRE(args->host, c != NULL, FMP_ENOMEM, "no memory for a counter");
  atomic_init(&c->next, p->start);
  c->stride = p->stride;
  *state = c;
  return FMP_OK;
}

static void close_counter(const fmp_resource_args *args) { args->host->free(args->state); }

static fmp_status save(const fmp_resource_args *args, fmp_sink *sink)
{
  struct counter *c = args->state;
  const int64_t next = atomic_load(&c->next);
  return args->host->sink_write(sink, &next, sizeof next);
}

static fmp_status restore(const fmp_resource_args *args, const void *bytes, size_t n)
{
  struct counter *c = args->state;
  int64_t next;
  FMP_REQUIRE(args->host, n == sizeof next, FMP_EDATA,
              "expected %zu bytes of a saved counter, got %zu", sizeof next, n);
  memcpy(&next, bytes, sizeof next);
  atomic_store(&c->next, next);
  return FMP_OK;
}

/* -- the op ---------------------------------------------------------------- */

static fmp_status infer(const fmp_infer_args *args)
{
  args->out[0].dtype = FMP_I64; /* rank 0 */
  return FMP_OK;
}

static fmp_status run(const fmp_call *call)
{
  const struct counter_params *p = call->params;
  struct counter *c = call->host->resource_state(p->counter, "sdk_counter");
  if (c == NULL) return FMP_EINVAL; /* the engine has kept the text */
  const int64_t value = atomic_fetch_add(&c->next, c->stride);
  if (call->out[0].data != NULL) *(int64_t *)call->out[0].data = value;
  return FMP_OK;
}

/* -- the view -------------------------------------------------------------- */

static fmp_status infer_labelled(const fmp_infer_args *args)
{
  args->out[0] = args->in[0];
  return FMP_OK;
}

static fmp_status view_labelled(const fmp_alias_args *args)
{
  *args->out = *args->in;
  return FMP_OK;
}

fmp_status counter_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def open_attrs[] = {
      FMP_ATTR(struct open_params, start, FMP_ATTR_I64, "0", NULL, "the first number"),
      FMP_ATTR(struct open_params, stride, FMP_ATTR_I64, "1", NULL, "added for each next one")};
  static const fmp_resource_def resource = {.struct_size = sizeof resource,
                                            .name = "sdk_counter",
                                            .doc = "Counts.",
                                            FMP_PARAMS(struct open_params, open_attrs),
                                            .open = open_counter,
                                            .close = close_counter,
                                            .save = save,
                                            .restore = restore};
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct counter_params, counter, FMP_ATTR_RESOURCE, NULL, NULL, "an sdk_counter")};
  static const fmp_op_def op = {.struct_size = sizeof op,
                                .name = "sdk_next",
                                .schema = "() -> (y)",
                                .doc = "The next number of a counter.",
                                .version = 1,
                                .flags = FMP_OP_EFFECT,
                                FMP_PARAMS(struct counter_params, attrs),
                                .infer = infer};
  static const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                        .op = "sdk_next",
                                        .backend = "cpu",
                                        .name = "ref",
                                        .dtypes = FMP_ANY_DTYPE,
                                        .run = run};
  static const fmp_op_def view = {.struct_size = sizeof view,
                                  .name = "sdk_labelled",
                                  .schema = "(x) -> (y)",
                                  .doc = "x itself, and a counter that is held meanwhile.",
                                  .version = 1,
                                  FMP_PARAMS(struct counter_params, attrs),
                                  .infer = infer_labelled,
                                  .alias = view_labelled};
  FMP_TRY(h->add_resource(r, &resource));
  FMP_TRY(h->add_op(r, &op));
  FMP_TRY(h->add_op(r, &view));
  return h->add_kernel(r, &kernel);
}
