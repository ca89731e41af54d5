/* SPDX-License-Identifier: Apache-2.0
 * batch_queue, the resource: its attributes, and its position as bytes. */
#include "batch_queue.h"

#include <string.h>

struct open_params {
  fmp_resource *source;
  int64_t batch, seed, threads, capacity, min_after_dequeue, epochs, take, ahead;
  int32_t shuffle, drop_last;
  struct delivery_options recipe;
};

/* -- from attributes to a configuration ------------------------------------ */

static fmp_status check_sizes(const fmp_host *h, const struct open_params *p, int64_t examples)
{
  FMP_REQUIRE(h, p->take <= examples, FMP_EINVAL,
              "expected take up to the %lld examples there are, got %lld", (long long)examples,
              (long long)p->take);
  const int64_t count = p->take ? p->take : examples;
  FMP_REQUIRE(h, count <= INT32_MAX, FMP_EINVAL,
              "expected at most %d examples, got %lld: take uses the first ones", (int)INT32_MAX,
              (long long)count);
  FMP_REQUIRE(h, p->batch <= count || !p->drop_last, FMP_EINVAL,
              "expected at least one batch of %lld examples, as drop_last leaves out smaller ones, "
              "got a set of %lld",
              (long long)p->batch, (long long)count);
  FMP_REQUIRE(h, p->capacity == 0 || p->min_after_dequeue < p->capacity, FMP_EINVAL,
              "expected min_after_dequeue below the capacity %lld, got %lld",
              (long long)p->capacity, (long long)p->min_after_dequeue);
  return FMP_OK;
}

/* The queue is kept full, so min_after_dequeue < capacity is all that must hold. */
static int64_t window_of(const struct open_params *p, int64_t count)
{
  if (!p->shuffle) return 1;
  return p->capacity == 0 || p->capacity > count ? count : p->capacity;
}

static fmp_status configure(const fmp_host *h, const struct open_params *p, struct queue_config *c)
{
  const fmp_source *about = &c->source.about;
  FMP_TRY(source_of(h, p->source, &c->source));
  FMP_TRY(check_sizes(h, p, about->count));
  FMP_TRY(deliveries_set(h, &c->source, &p->recipe, &c->deliveries));
  c->count = p->take ? p->take : about->count;
  c->batch = p->batch;
  c->window = window_of(p, c->count);
  c->epochs = p->epochs;
  c->threads = p->threads;
  c->ahead = p->ahead ? p->ahead : p->threads + 2; /* one being taken, one spare */
  c->drop_last = p->drop_last;
  c->seed = (uint64_t)p->seed;
  return FMP_OK;
}

static fmp_status open_queue(const fmp_resource_args *a, void **state)
{
  struct queue_config config = {.count = 0};
  struct queue *q = NULL;
  FMP_TRY(configure(a->host, a->params, &config));
  FMP_TRY(queue_open(a->host, &config, &q));
  *state = q;
  return FMP_OK;
}

static void close_queue(const fmp_resource_args *a) { queue_close(a->state); }

/* -- saving ---------------------------------------------------------------- */

/* A saved position: SAVED little-endian 64-bit numbers. After the position come settings that
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

static fmp_status save(const fmp_resource_args *a, fmp_sink *sink)
{
  struct queue *state = a->state;
  const struct position p = queue_position(state);
  uint64_t n[SAVED];
  uint8_t bytes[SAVED_BYTES];
  to_numbers(queue_config_of(state), &p, n);
  for (int i = 0; i < SAVED_BYTES; i++) bytes[i] = (uint8_t)(n[i / 8] >> (8 * (i % 8)));
  return a->host->sink_write(sink, bytes, sizeof bytes);
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

static fmp_status restore(const fmp_resource_args *a, const void *bytes, size_t n)
{
  const fmp_host *h = a->host;
  struct queue *state = a->state;
  const struct queue_config *c = queue_config_of(state);
  const struct position here = queue_position(state);
  uint64_t saved[SAVED] = {0}, own[SAVED];
  FMP_REQUIRE(h, n == SAVED_BYTES, FMP_EDATA, "expected %d bytes of a saved position, got %zu",
              (int)SAVED_BYTES, n);
  for (int i = 0; i < SAVED_BYTES; i++)
    saved[i / 8] |= (uint64_t)((const uint8_t *)bytes)[i] << (8 * (i % 8));
  FMP_REQUIRE(h, saved[MAGIC] == MAGIC_NUMBER, FMP_EDATA, "these bytes are not a saved position");
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

#define ROW(field, kind, default_text, allowed, doc) \
  FMP_ATTR(struct open_params, field, kind, default_text, allowed, doc)

static const fmp_attr_def attrs[] = {
    SOURCE_ROW(struct open_params),
    ROW(batch, FMP_ATTR_I64, NULL, "[1,2147483648)", "examples in a batch"),
    ROW(shuffle, FMP_ATTR_BOOL, "false", NULL, "a new order in each epoch"),
    ROW(seed, FMP_ATTR_I64, "0", NULL, "seed of the order and of the augmentation"),
    ROW(threads, FMP_ATTR_I64, "2", "[1,256]", "threads that fill batches; matters for speed only"),
    ROW(capacity, FMP_ATTR_I64, "0", "[0,)",
        "examples in the queue that shuffles; 0, or more than the set has: the whole set"),
    ROW(min_after_dequeue, FMP_ATTR_I64, "0", "[0,)",
        "the least number to draw from; below capacity, and without effect: the queue is kept "
        "full"),
    ROW(epochs, FMP_ATTR_I64, "0", "[0,9007199254740992)",
        "epochs after which the data end; 0: endless"),
    ROW(take, FMP_ATTR_I64, "0", "[0,)", "use only so many examples, the first; 0: all"),
    ROW(ahead, FMP_ATTR_I64, "0", "[0,4096]", "batches filled ahead; 0: threads + 2"),
    ROW(drop_last, FMP_ATTR_BOOL, "false", NULL, "leave out the smaller batch at an epoch's end"),
    DELIVERY_ROWS(struct open_params)};

fmp_status batch_queue_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_resource_def def = {
      .struct_size = sizeof def,
      .name = BATCH_QUEUE,
      .doc = "Batches of a source's examples, in order or shuffled, filled ahead by threads: each "
             "field stacked, images scaled, distorted and centred. Order and augmentation depend "
             "on seed, epoch and example alone. Its position can be saved.",
      FMP_PARAMS(struct open_params, attrs),
      .open = open_queue,
      .close = close_queue,
      .save = save,
      .restore = restore};
  FMP_TRY(h->add_resource(r, &def));
  return batch_queue_add_ops(h, r);
}
