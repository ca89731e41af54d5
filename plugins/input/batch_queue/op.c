/* SPDX-License-Identifier: Apache-2.0
 * batch_queue, the resource: its attributes, and its position as bytes. */
#include "batch_queue.h"

#include <string.h>

struct open_params {
  fmp_resource *source;
  int64_t batch, seed, threads, capacity, min_after_dequeue, epochs, take, ahead;
  int32_t shuffle, drop_last;
  uint32_t dtype;
  struct recipe_options recipe;
};

/* -- from attributes to a configuration ------------------------------------ */

static fmp_status check_sizes(const fmp_host *h, const struct open_params *p, int64_t examples)
{
  FMP_REQUIRE(h, p->take <= examples, FMP_EINVAL,
              "expected take up to the %lld examples there are, got %lld", (long long)examples,
              (long long)p->take);
  const int64_t count = p->take ? p->take : examples;
  FMP_REQUIRE(h, p->batch <= count || !p->drop_last, FMP_EINVAL,
              "expected at least one batch of %lld examples, as drop_last leaves out smaller ones, "
              "got a set of %lld",
              (long long)p->batch, (long long)count);
  FMP_REQUIRE(h, p->capacity == 0 || p->min_after_dequeue < p->capacity, FMP_EINVAL,
              "expected min_after_dequeue below the capacity %lld, got %lld",
              (long long)p->capacity, (long long)p->min_after_dequeue);
  return FMP_OK;
}

/* The queue is kept full, so that min_after_dequeue < capacity is all there is to promise. */
static int64_t window_of(const struct open_params *p, int64_t count)
{
  if (!p->shuffle) return 1;
  return p->capacity == 0 || p->capacity > count ? count : p->capacity;
}

static fmp_status configure(const fmp_host *h, const struct open_params *p, struct queue_config *c)
{
  const fmp_source *s = source_of(h, p->source);
  if (s == NULL) return FMP_EINVAL; /* the host has kept the text */
  FMP_TRY(check_sizes(h, p, s->count));
  FMP_REQUIRE(h, p->dtype == FMP_F32 || p->dtype == FMP_U8, FMP_EDTYPE,
              "expected dtype f32 or u8, got another");
  FMP_TRY(recipe_set(h, &p->recipe, (const int64_t[]){s->height, s->width, s->channels}, p->dtype,
                     &c->recipe));
  c->source = s;
  c->count = p->take ? p->take : s->count;
  c->batch = p->batch;
  c->window = window_of(p, c->count);
  c->epochs = p->epochs;
  c->threads = p->threads;
  c->ahead = p->ahead ? p->ahead : p->threads + 2; /* one being taken, one spare */
  c->drop_last = p->drop_last;
  c->seed = (uint64_t)p->seed;
  return FMP_OK;
}

static fmp_status open_queue(const fmp_host *h, const void *params, void **state)
{
  struct queue_config config = {.source = NULL};
  struct queue *q = NULL;
  FMP_TRY(configure(h, params, &config));
  FMP_TRY(queue_open(h, &config, &q));
  *state = q;
  return FMP_OK;
}

static void close_queue(const fmp_host *h, void *state)
{
  (void)h;
  queue_close(state);
}

/* -- saving ---------------------------------------------------------------- */

/* A saved position: SAVED little-endian 64-bit numbers. Behind the position stands what
 * must be equal for it to mean the same examples. */
enum { MAGIC, SEED, EPOCH, BATCH, EXAMPLES, BATCH_SIZE, WINDOW, DROP_LAST, SAVED };
enum { SAVED_BYTES = 8 * SAVED };
static const uint64_t MAGIC_NUMBER = 0x6863746162706D66; /* the bytes "fmpbatch" */
static const uint64_t MOST_EPOCHS = (uint64_t)1 << 53;

static void to_numbers(const struct queue_config *c, const struct position *p, uint64_t n[SAVED])
{
  n[MAGIC] = MAGIC_NUMBER;
  n[SEED] = p->seed;
  n[EPOCH] = (uint64_t)p->epoch;
  n[BATCH] = (uint64_t)p->batch;
  n[EXAMPLES] = (uint64_t)c->count;
  n[BATCH_SIZE] = (uint64_t)c->batch;
  n[WINDOW] = (uint64_t)c->window;
  n[DROP_LAST] = (uint64_t)c->drop_last;
}

static fmp_status save(const fmp_host *h, void *state, fmp_sink *sink)
{
  const struct position p = queue_position(state);
  uint64_t n[SAVED];
  uint8_t bytes[SAVED_BYTES];
  to_numbers(queue_config_of(state), &p, n);
  for (int i = 0; i < SAVED_BYTES; i++) bytes[i] = (uint8_t)(n[i / 8] >> (8 * (i % 8)));
  return h->sink_write(sink, bytes, sizeof bytes);
}

static fmp_status check_equal(const fmp_host *h, const uint64_t *saved, const uint64_t *own)
{
  static const char *const names[SAVED] = {[EXAMPLES] = "examples",
                                           [BATCH_SIZE] = "examples in a batch",
                                           [WINDOW] = "as window of the shuffle",
                                           [DROP_LAST] = "as drop_last"};
  for (int i = EXAMPLES; i < SAVED; i++)
    FMP_REQUIRE(h, saved[i] == own[i], FMP_EDATA, "saved with %llu %s, but this queue has %llu",
                (unsigned long long)saved[i], names[i], (unsigned long long)own[i]);
  return FMP_OK;
}

static fmp_status restore(const fmp_host *h, void *state, const void *bytes, size_t n)
{
  const struct queue_config *c = queue_config_of(state);
  const struct position here = queue_position(state);
  uint64_t saved[SAVED] = {0}, own[SAVED];
  FMP_REQUIRE(h, n == SAVED_BYTES, FMP_EDATA, "expected %d bytes of a saved position, got %zu",
              (int)SAVED_BYTES, n);
  for (int i = 0; i < SAVED_BYTES; i++)
    saved[i / 8] |= (uint64_t)((const uint8_t *)bytes)[i] << (8 * (i % 8));
  FMP_REQUIRE(h, saved[MAGIC] == MAGIC_NUMBER, FMP_EDATA, "these bytes are no saved position");
  to_numbers(c, &here, own);
  FMP_TRY(check_equal(h, saved, own));
  FMP_REQUIRE(h, saved[EPOCH] < MOST_EPOCHS && saved[BATCH] < (uint64_t)queue_batches(state),
              FMP_EDATA, "expected batch 0 to %lld of an epoch, got %llu of epoch %llu",
              (long long)queue_batches(state) - 1, (unsigned long long)saved[BATCH],
              (unsigned long long)saved[EPOCH]);
  queue_move(state, &(struct position){saved[SEED], (int64_t)saved[EPOCH], (int64_t)saved[BATCH]});
  return FMP_OK;
}

/* -- registration ---------------------------------------------------------- */

#define ROW(field, kind, fallback, allowed, doc) \
  FMP_ATTR(struct open_params, field, kind, fallback, allowed, doc)

static const fmp_attr_def attrs[] = {
    ROW(source, FMP_ATTR_RESOURCE, NULL, NULL, "a reader: record_reader, idx_reader or another"),
    ROW(batch, FMP_ATTR_I64, NULL, "[1,2147483648)", "examples of a batch"),
    ROW(shuffle, FMP_ATTR_BOOL, "false", NULL, "a new order in each epoch"),
    ROW(seed, FMP_ATTR_I64, "0", NULL, "of the order and of the augmentation"),
    ROW(threads, FMP_ATTR_I64, "2", "[1,256]", "that fill batches; changes nothing but speed"),
    ROW(capacity, FMP_ATTR_I64, "0", "[0,)",
        "examples in the queue that shuffles; 0, or more than there are: the whole set"),
    ROW(min_after_dequeue, FMP_ATTR_I64, "0", "[0,)",
        "examples that stay to draw from; below capacity, as the queue is kept full"),
    ROW(epochs, FMP_ATTR_I64, "0", "[0,9007199254740992)", "then the data end; 0: never"),
    ROW(take, FMP_ATTR_I64, "0", "[0,)", "use only the first ones; 0: all"),
    ROW(ahead, FMP_ATTR_I64, "0", "[0,4096]", "batches filled ahead; 0: threads + 2"),
    ROW(drop_last, FMP_ATTR_BOOL, "false", NULL, "leave out the smaller batch at an epoch's end"),
    ROW(dtype, FMP_ATTR_DTYPE, "f32", NULL, "of x: f32, or u8 for the bytes as they are"),
    RECIPE_ROWS(struct open_params)};

fmp_status batch_queue_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_resource_def def = {
      .struct_size = sizeof def,
      .name = BATCH_QUEUE,
      .doc = "Batches of a reader's examples, in order or shuffled, filled ahead by threads. Order "
             "and augmentation depend on seed, epoch and example alone. Saves its position.",
      .attrs = attrs,
      .n_attr = sizeof attrs / sizeof attrs[0],
      .attr_size = sizeof(fmp_attr_def),
      .params_size = sizeof(struct open_params),
      .open = open_queue,
      .close = close_queue,
      .save = save,
      .restore = restore};
  FMP_TRY(h->add_resource(r, &def));
  return batch_queue_add_ops(h, r);
}
