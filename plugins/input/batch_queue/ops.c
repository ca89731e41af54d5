/* SPDX-License-Identifier: Apache-2.0
 * What is done with a batch_queue: the next batch, where it stands, another epoch. All of it
 * depends on a state that changes, so all are effects: never merged, kept in order. */
#include "batch_queue.h"

#include <string.h>

struct queue_params {
  fmp_resource *queue;
};

struct seek_params {
  fmp_resource *queue;
  int64_t epoch;
};

/* -- next_batch ------------------------------------------------------------ */

/* [rows, ...] of what one example has. */
static fmp_spec stacked(const fmp_spec *one, int64_t rows)
{
  fmp_spec batch = {.dtype = one->dtype, .rank = one->rank + 1, .shape = {rows}};
  memcpy(batch.shape + 1, one->shape, one->rank * sizeof one->shape[0]);
  return batch;
}

/* The specs of the batch that comes next: the last one of an epoch may be smaller. Outputs for
 * which there is no field stay absent. */
static fmp_status infer_next(const fmp_infer_args *a)
{
  const struct queue_params *p = a->params;
  struct queue *q = a->host->resource_state(p->queue, BATCH_QUEUE);
  if (q == NULL) return FMP_EINVAL; /* the host has kept the text */
  const struct position next = queue_position(q);
  const int64_t rows = queue_rows(q, &next);
  FMP_REQUIRE(a->host, rows > 0, FMP_END, "no batch is left: %lld epochs have been delivered",
              (long long)queue_config_of(q)->epochs);
  const struct deliveries *d = &queue_config_of(q)->deliveries;
  for (uint32_t k = 0; k < d->n; k++) a->out[k] = stacked(&d->each[k].spec, rows);
  return FMP_OK;
}

static fmp_status run_next(const fmp_call *call)
{
  const struct queue_params *p = call->params;
  struct queue *q = call->host->resource_state(p->queue, BATCH_QUEUE);
  if (q == NULL) return FMP_EINVAL;
  void *out[FMP_SOURCE_MAX_FIELDS];
  for (uint32_t k = 0; k < call->n_out; k++) out[k] = call->out[k].data;
  return queue_take(q, call->out[0].shape[0], out);
}

/* -- batch_queue_info ------------------------------------------------------ */

enum { INFO_FIELDS = 6 };

static fmp_status infer_info(const fmp_infer_args *a)
{
  a->out[0] = (fmp_spec){.dtype = FMP_I64, .rank = 1, .shape = {INFO_FIELDS}};
  return FMP_OK;
}

static fmp_status run_info(const fmp_call *call)
{
  const struct queue_params *p = call->params;
  struct queue *q = call->host->resource_state(p->queue, BATCH_QUEUE);
  if (q == NULL) return FMP_EINVAL;
  const struct queue_config *c = queue_config_of(q);
  const struct position next = queue_position(q);
  const int64_t info[INFO_FIELDS] = {next.epoch, next.batch, queue_batches(q),
                                     c->count,   c->batch,   c->epochs};
  if (call->out[0].data) memcpy(call->out[0].data, info, sizeof info);
  return FMP_OK;
}

/* -- batch_queue_seek ------------------------------------------------------ */

static fmp_status infer_seek(const fmp_infer_args *a)
{
  (void)a;
  return FMP_OK;
}

static fmp_status run_seek(const fmp_call *call)
{
  const struct seek_params *p = call->params;
  struct queue *q = call->host->resource_state(p->queue, BATCH_QUEUE);
  if (q == NULL) return FMP_EINVAL;
  struct position to = queue_position(q);
  to.epoch = p->epoch;
  to.batch = 0;
  queue_move(q, &to);
  return FMP_OK;
}

/* -- registration ---------------------------------------------------------- */

static const fmp_attr_def queue_attrs[] = {
    FMP_ATTR(struct queue_params, queue, FMP_ATTR_RESOURCE, NULL, NULL, "a batch_queue")};

static const fmp_attr_def seek_attrs[] = {
    FMP_ATTR(struct seek_params, queue, FMP_ATTR_RESOURCE, NULL, NULL, "a batch_queue"),
    FMP_ATTR(struct seek_params, epoch, FMP_ATTR_I64, "0", "[0,9007199254740992)", "from 0")};

struct row {
  const char *name, *schema, *doc;
  const fmp_attr_def *attrs;
  uint32_t n_attr, params_size;
  fmp_status (*infer)(const fmp_infer_args *);
  fmp_status (*run)(const fmp_call *);
};

static const struct row rows[] = {
    {"next_batch", "() -> (first, second?, third?, fourth?, fifth?, sixth?, seventh?, eighth?)",
     "The next batch of a queue: each of its fields, stacked to [n,...].\n"
     "In Lua `outputs = 2` asks for two fields, and so on. n may be smaller at an epoch's end, so "
     "a compiled function that calls it needs drop_last.",
     queue_attrs, 1, sizeof(struct queue_params), infer_next, run_next},
    {"batch_queue_info", "() -> (info)",
     "Where a queue stands: i64 [epoch of the next batch and its number there, both from 0; "
     "batches in an epoch; examples; batch size; epochs, 0: endless].",
     queue_attrs, 1, sizeof(struct queue_params), infer_info, run_info},
    {"batch_queue_seek", "() -> ()", "Makes a queue continue with the first batch of an epoch.",
     seek_attrs, 2, sizeof(struct seek_params), infer_seek, run_seek}};

static fmp_status add_row(const fmp_host *h, fmp_registry *r, const struct row *row)
{
  const fmp_op_def op = {.struct_size = sizeof op,
                         .name = row->name,
                         .schema = row->schema,
                         .doc = row->doc,
                         .version = 1,
                         .flags = FMP_OP_EFFECT | FMP_OP_HOST,
                         .attrs = row->attrs,
                         .n_attr = row->n_attr,
                         .attr_size = sizeof(fmp_attr_def),
                         .params_size = row->params_size,
                         .infer = row->infer};
  const fmp_kernel_def kernel = {.struct_size = sizeof kernel,
                                 .op = row->name,
                                 .backend = "cpu",
                                 .name = "ref",
                                 .dtypes = FMP_ANY_DTYPE,
                                 .run = row->run};
  FMP_TRY(h->add_op(r, &op));
  return h->add_kernel(r, &kernel);
}

fmp_status batch_queue_add_ops(const fmp_host *h, fmp_registry *r)
{
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) FMP_TRY(add_row(h, r, &rows[i]));
  return FMP_OK;
}
