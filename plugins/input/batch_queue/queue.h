/* SPDX-License-Identifier: Apache-2.0
 * Batches, filled ahead by threads and taken in order.
 *
 * Which examples a batch has is fixed before any of them is read, by (seed, epoch, number of
 * the batch). Workers claim the next batch that has a free slot and fill that slot; so their
 * number, and who is faster, changes neither order nor content. A slot is filled again
 * only after its batch has been copied out. */
#ifndef INPUT_QUEUE_H
#define INPUT_QUEUE_H

#include "delivery.h"

struct queue; /* opaque: every function locks what it needs [any-thread] */

struct queue_config {
  fmp_source_copy source; /* of one that stays until queue_close() */
  struct deliveries deliveries;
  int64_t count;  /* examples used: the source's first ones; at most INT32_MAX */
  int64_t batch;  /* examples of a batch; if count is smaller, that is the only batch's */
  int64_t window; /* of the shuffling queue; 1: in order */
  int64_t epochs; /* 0: without end */
  int64_t ahead;  /* batches that may wait */
  int64_t threads;
  int32_t drop_last; /* no smaller batch at an epoch's end */
  uint64_t seed;
};

/* The batch that is taken next. */
struct position {
  uint64_t seed;
  int64_t epoch, batch; /* from 0 */
};

fmp_status queue_open(const fmp_host *h, const struct queue_config *config, struct queue **q);
/* Ends and joins the workers. */
void queue_close(struct queue *q);

const struct queue_config *queue_config_of(const struct queue *q);
int64_t queue_batches(const struct queue *q); /* of each epoch */
struct position queue_position(struct queue *q);
/* Examples in the batch at a position; 0 behind the last epoch. */
int64_t queue_rows(const struct queue *q, const struct position *p);

/* Copies the next batch: of delivery k [rows, ...] to out[k], unless that is NULL. `rows` is
 * what queue_rows() said, or the call fails. FMP_END behind the last epoch. A worker's failure
 * is raised here, and again by each call until the position is set. */
fmp_status queue_take(struct queue *q, int64_t rows, void *const *out);

/* Goes on from there; what was filled ahead is given up. p is a position of this queue. */
void queue_move(struct queue *q, const struct position *p);

#endif
