/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "order.h"
#include "row.h"

/* A batch that is being filled (not ready) or waits (ready). */
struct slot {
  struct position position;
  int64_t rows;
  uint32_t *indices;                 /* [most_rows]: examples, as the order of its epoch has them */
  void *data[FMP_SOURCE_MAX_FIELDS]; /* by delivery: [most_rows, ...] */
  int ready;
  fmp_status status;        /* FMP_OK: filled */
  char why[FMP_SOURCE_WHY]; /* if not */
};

/* What one thread needs beside the slot that it fills. */
struct worker {
  struct queue *q;
  pthread_t thread;
  struct row_maker maker;
};

/* Batch number k since the last move is in slot k % ahead. Claimed and not taken are
 * n_taken .. n_claimed-1, at most `ahead` of them. */
struct queue {
  const fmp_host *h;
  struct queue_config config;
  int64_t batches;        /* of an epoch */
  int64_t most_rows;      /* of a batch: fewer than `batch` where the set has fewer */
  struct slot *slots;     /* [ahead] */
  struct worker *workers; /* [threads], of which n_started run */
  int64_t n_started;

  pthread_mutex_t callers;        /* one of take and move at a time; locked before the other */
  pthread_mutex_t mutex;          /* all that follows, and each slot that is not being filled */
  pthread_cond_t work;            /* there may be something to claim, or stopping */
  pthread_cond_t done;            /* a slot is ready */
  struct position claimed, taken; /* next to claim, next to take */
  int64_t n_claimed, n_taken;
  int64_t filling; /* workers that do, or that order */
  int holding;     /* nothing is to be claimed: the position is being moved */
  int stopping;
  atomic_int give_up; /* holding or stopping: what is being filled is no longer wanted */
  int ordering;       /* a worker fills `order`, without the lock */
  uint32_t *order; /* [count] for claimed's epoch, if that is ordered_epoch; NULL: no shuffling */
  int64_t ordered_epoch;
};

/* -- positions ------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t queue_rows(const struct queue *q, const struct position *p)
{
  const struct queue_config *c = &q->config;
  if (c->epochs > 0 && p->epoch >= c->epochs) return 0;
  return smaller(c->batch, c->count - p->batch * c->batch);
}

static void advance(const struct queue *q, struct position *p)
{
  if (++p->batch < q->batches) return;
  p->batch = 0;
  p->epoch++;
}

const struct queue_config *queue_config_of(const struct queue *q) { return &q->config; }

int64_t queue_batches(const struct queue *q) { return q->batches; }

struct position queue_position(struct queue *q)
{
  pthread_mutex_lock(&q->mutex);
  const struct position p = q->taken;
  pthread_mutex_unlock(&q->mutex);
  return p;
}

/* -- filling --------------------------------------------------------------- */

static fmp_status fill_row(struct worker *w, struct slot *s, int64_t row)
{
  const struct deliveries *d = &w->q->config.deliveries;
  const struct position *p = &s->position;
  const int64_t i = s->indices[row];
  const struct affine_key key = {p->seed, AFFINE_QUEUE_NODE, (uint64_t)p->epoch, (uint32_t)i};
  void *out[FMP_SOURCE_MAX_FIELDS];
  for (uint32_t k = 0; k < d->n; k++) out[k] = (char *)s->data[k] + row * d->each[k].bytes;
  return row_make(&w->maker, i, &key, out, s->why);
}

static void fill(struct worker *w, struct slot *s)
{
  s->status = FMP_OK;
  for (int64_t row = 0; row < s->rows && s->status == FMP_OK; row++) {
    if (atomic_load_explicit(&w->q->give_up, memory_order_relaxed)) break;
    s->status = fill_row(w, s, row);
  }
}

static int may_claim(const struct queue *q)
{
  return !q->holding && !q->ordering && q->n_claimed - q->n_taken < q->config.ahead &&
         queue_rows(q, &q->claimed) > 0;
}

/* One order is kept: claims go through the epochs in turn. It is made without the lock, as it
 * may take long; nothing is claimed until then. */
static void make_order(struct queue *q)
{
  const struct queue_config *c = &q->config;
  const struct position p = q->claimed;
  q->ordering = 1;
  pthread_mutex_unlock(&q->mutex);
  const int is_whole = order_fill(c->count, c->window, p.seed, p.epoch, q->order, &q->give_up);
  pthread_mutex_lock(&q->mutex);
  q->ordering = 0;
  q->ordered_epoch = is_whole ? p.epoch : -1;
  pthread_cond_broadcast(&q->work);
}

/* Fixes what the next batch has. */
static struct slot *claim(struct queue *q)
{
  struct slot *s = &q->slots[q->n_claimed++ % q->config.ahead];
  const int64_t first = q->claimed.batch * q->config.batch;
  s->position = q->claimed;
  s->rows = queue_rows(q, &q->claimed);
  for (int64_t i = 0; i < s->rows; i++)
    s->indices[i] = q->order ? q->order[first + i] : (uint32_t)(first + i);
  advance(q, &q->claimed);
  return s;
}

static void fill_next(struct worker *w)
{
  struct queue *q = w->q;
  struct slot *s = claim(q);
  pthread_mutex_unlock(&q->mutex);
  fill(w, s);
  pthread_mutex_lock(&q->mutex);
  s->ready = 1;
}

static void *work(void *arg)
{
  struct worker *w = arg;
  struct queue *q = w->q;
  pthread_mutex_lock(&q->mutex);
  for (;;) {
    while (!q->stopping && !may_claim(q)) pthread_cond_wait(&q->work, &q->mutex);
    if (q->stopping) break;
    q->filling++;
    if (q->order && q->ordered_epoch != q->claimed.epoch)
      make_order(q);
    else
      fill_next(w);
    q->filling--;
    pthread_cond_broadcast(&q->done);
  }
  pthread_mutex_unlock(&q->mutex);
  return NULL;
}

/* -- taking and moving ----------------------------------------------------- */

static fmp_status check_rows(struct queue *q, int64_t rows)
{
  const int64_t next = queue_rows(q, &q->taken);
  FMP_REQUIRE(q->h, next > 0, FMP_END, "no batch is left: %lld epochs have been delivered",
              (long long)q->config.epochs);
  FMP_REQUIRE(
      q->h, next == rows, FMP_ESTATE,
      "expected to deliver %lld examples, but the next batch has %lld: drop_last leaves out "
      "the smaller one at an epoch's end",
      (long long)rows, (long long)next);
  return FMP_OK;
}

/* Waits for a worker, a while. */
static void wait_done(struct queue *q)
{
  enum { WHILE = 50 * 1000 * 1000, SECOND = 1000 * 1000 * 1000 };
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += WHILE;
  until.tv_sec += until.tv_nsec / SECOND;
  until.tv_nsec %= SECOND;
  pthread_cond_timedwait(&q->done, &q->mutex, &until);
}

/* The slot of the next batch, once it is ready: the caller's until release_slot(). A caller that
 * is interrupted can take it the next time. */
static fmp_status await_slot(struct queue *q, struct slot **slot)
{
  struct slot *s = &q->slots[q->n_taken % q->config.ahead];
  while (!s->ready) {
    FMP_TRY(q->h->check_interrupt());
    wait_done(q);
  }
  *slot = s;
  return FMP_OK;
}

static void release_slot(struct queue *q, struct slot *s)
{
  pthread_mutex_lock(&q->mutex);
  s->ready = 0;
  q->n_taken++;
  advance(q, &q->taken);
  pthread_cond_signal(&q->work);
  pthread_mutex_unlock(&q->mutex);
}

static fmp_status take(struct queue *q, int64_t rows, void *const *out)
{
  const struct deliveries *d = &q->config.deliveries;
  struct slot *s;
  pthread_mutex_lock(&q->mutex);
  fmp_status status = check_rows(q, rows);
  if (status == FMP_OK) status = await_slot(q, &s);
  pthread_mutex_unlock(&q->mutex);
  if (status != FMP_OK) return status;
  if (s->status != FMP_OK) return q->h->fail(s->status, "%s", s->why);
  for (uint32_t k = 0; k < d->n; k++)
    if (out[k]) memcpy(out[k], s->data[k], (size_t)(rows * d->each[k].bytes));
  release_slot(q, s);
  return FMP_OK;
}

fmp_status queue_take(struct queue *q, int64_t rows, void *const *out)
{
  pthread_mutex_lock(&q->callers);
  const fmp_status status = take(q, rows, out);
  pthread_mutex_unlock(&q->callers);
  return status;
}

static void reset(struct queue *q, const struct position *p)
{
  for (int64_t i = 0; i < q->config.ahead; i++) q->slots[i].ready = 0;
  q->n_claimed = q->n_taken = 0;
  q->claimed = q->taken = *p;
  q->ordered_epoch = -1;
}

void queue_move(struct queue *q, const struct position *p)
{
  pthread_mutex_lock(&q->callers);
  pthread_mutex_lock(&q->mutex);
  q->holding = 1;
  atomic_store(&q->give_up, 1);
  while (q->filling > 0) pthread_cond_wait(&q->done, &q->mutex);
  reset(q, p);
  atomic_store(&q->give_up, 0);
  q->holding = 0;
  pthread_cond_broadcast(&q->work);
  pthread_mutex_unlock(&q->mutex);
  pthread_mutex_unlock(&q->callers);
}

/* -- opening and closing --------------------------------------------------- */

/* n elements of `size` bytes, at least one; NULL also if no memory could be that large. */
static void *array(const fmp_host *h, int64_t n, size_t size)
{
  const size_t most = SIZE_MAX / 2;
  if (size > 0 && (size_t)n > most / size) return NULL;
  return h->alloc((size_t)n * size > 0 ? (size_t)n * size : 1);
}

/* Memory that a source writes directly is zero at first: if it does not write it, no old memory is
 * delivered. */
static void *allocate_rows(const struct queue *q, const struct delivery *d)
{
  void *rows = array(q->h, q->most_rows, (size_t)d->bytes);
  if (rows && !d->is_changed) memset(rows, 0, (size_t)(q->most_rows * d->bytes));
  return rows;
}

static int allocate_slot(struct queue *q, struct slot *s)
{
  const struct deliveries *d = &q->config.deliveries;
  int whole;
  *s = (struct slot){.ready = 0};
  s->indices = array(q->h, q->most_rows, sizeof *s->indices);
  whole = s->indices != NULL;
  for (uint32_t k = 0; k < d->n && whole; k++)
    whole = (s->data[k] = allocate_rows(q, &d->each[k])) != NULL;
  return whole;
}

static int allocate_worker(struct queue *q, struct worker *w)
{
  *w = (struct worker){.q = q};
  return row_maker_open(q->h, &q->config.source, &q->config.deliveries, &w->maker);
}

/* All that free_memory() frees is set, whether there was memory or not. */
static int allocate_memory(struct queue *q)
{
  const struct queue_config *c = &q->config;
  int whole;
  q->order = c->window > 1 ? array(q->h, c->count, sizeof *q->order) : NULL;
  q->slots = array(q->h, c->ahead, sizeof *q->slots);
  q->workers = array(q->h, c->threads, sizeof *q->workers);
  whole = (q->order || c->window <= 1) && q->slots && q->workers;
  for (int64_t i = 0; i < c->ahead && q->slots; i++) whole &= allocate_slot(q, &q->slots[i]);
  for (int64_t i = 0; i < c->threads && q->workers; i++)
    whole &= allocate_worker(q, &q->workers[i]);
  return whole;
}

static void free_memory(struct queue *q)
{
  for (int64_t i = 0; i < q->config.ahead && q->slots; i++) {
    q->h->free(q->slots[i].indices);
    for (int k = 0; k < FMP_SOURCE_MAX_FIELDS; k++) q->h->free(q->slots[i].data[k]);
  }
  for (int64_t i = 0; i < q->config.threads && q->workers; i++)
    row_maker_close(&q->workers[i].maker);
  q->h->free(q->order);
  q->h->free(q->slots);
  q->h->free(q->workers);
  q->h->free(q);
}

/* Workers inherit a mask that blocks every signal: handlers belong to the program. */
static fmp_status start(struct queue *q)
{
  sigset_t all, before;
  int result = 0;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (q->n_started < q->config.threads && result == 0) {
    struct worker *w = &q->workers[q->n_started];
    result = pthread_create(&w->thread, NULL, work, w);
    if (result == 0) q->n_started++;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  FMP_REQUIRE(q->h, result == 0, FMP_ENOMEM, "thread %lld of %lld could not be started",
              (long long)q->n_started + 1, (long long)q->config.threads);
  return FMP_OK;
}

fmp_status queue_open(const fmp_host *h, const struct queue_config *config, struct queue **out)
{
  const struct queue_config *c = config;
  struct queue *q = h->alloc(sizeof *q);
  FMP_REQUIRE(h, q != NULL, FMP_ENOMEM, "no memory for a queue");
  *q = (struct queue){.h = h, .config = *c};
  pthread_condattr_t steady; /* a clock that nobody sets */
  q->batches = c->count / c->batch + (!c->drop_last && c->count % c->batch > 0);
  q->most_rows = smaller(c->batch, c->count);
  if (!allocate_memory(q)) {
    free_memory(q);
    return h->fail(FMP_ENOMEM, "no memory for %lld batches of %lld examples of %lld bytes",
                   (long long)c->ahead, (long long)smaller(c->batch, c->count),
                   (long long)deliveries_bytes(&c->deliveries));
  }
  pthread_mutex_init(&q->callers, NULL);
  pthread_mutex_init(&q->mutex, NULL);
  pthread_cond_init(&q->work, NULL);
  pthread_condattr_init(&steady);
  pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
  pthread_cond_init(&q->done, &steady);
  pthread_condattr_destroy(&steady);
  reset(q, &(struct position){.seed = c->seed});
  const fmp_status status = start(q);
  if (status != FMP_OK) {
    queue_close(q);
    return status;
  }
  *out = q;
  return FMP_OK;
}

void queue_close(struct queue *q)
{
  pthread_mutex_lock(&q->mutex);
  q->stopping = 1;
  atomic_store(&q->give_up, 1);
  pthread_cond_broadcast(&q->work);
  pthread_mutex_unlock(&q->mutex);
  for (int64_t i = 0; i < q->n_started; i++) pthread_join(q->workers[i].thread, NULL);
  pthread_mutex_destroy(&q->callers);
  pthread_mutex_destroy(&q->mutex);
  pthread_cond_destroy(&q->work);
  pthread_cond_destroy(&q->done);
  free_memory(q);
}
