/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread that does what it is given, in order, and idles before each piece so that whoever
 * forgets to wait reads too early. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "far.h"

enum { TEXT = 1024, LONGEST = 256 /* as an accelerator's: whoever is further ahead waits */ };

typedef struct item {
  struct item *next;
  far_work work;
} item;

struct far_queue {
  pthread_mutex_t mutex;
  pthread_cond_t changed; /* something came, or all is done */
  pthread_t thread;
  item *first, **end;
  int closing;
  int64_t added, done; /* pieces of work */
  long most_delay;     /* microseconds */
  uint64_t random;
  fmp_status failed;
  char text[TEXT];
};

static int64_t now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Without sleeping: the system would make 50 us of the shortest sleep. */
static void idle(far_queue *q)
{
  q->random = q->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  if (q->most_delay <= 0) return;
  const int64_t ns = (int64_t)((q->random >> 33) % (uint64_t)(q->most_delay * 1000));
  for (const int64_t end = now_ns() + ns; now_ns() < end;) sched_yield();
}

/* Unlocked while fn runs. The text is the failing thread's, so it is taken here. */
static void do_first(far_queue *q)
{
  item *i = q->first;
  q->first = i->next;
  if (!q->first) q->end = &q->first;
  pthread_mutex_unlock(&q->mutex);
  idle(q);
  const fmp_status status = far_do(&i->work);
  free(i);
  pthread_mutex_lock(&q->mutex);
  q->done++;
  if (status != FMP_OK && q->failed == FMP_OK) {
    q->failed = status;
    snprintf(q->text, sizeof q->text, "%s", far_failure());
  }
  pthread_cond_broadcast(&q->changed);
}

static void *work(void *arg)
{
  far_queue *q = arg;
  pthread_mutex_lock(&q->mutex);
  while (q->first || !q->closing) {
    if (q->first)
      do_first(q);
    else
      pthread_cond_wait(&q->changed, &q->mutex);
  }
  pthread_mutex_unlock(&q->mutex);
  return NULL;
}

far_queue *far_queue_new(long most_delay)
{
  far_queue *q = calloc(1, sizeof *q);
  if (!q) return NULL;
  pthread_mutex_init(&q->mutex, NULL);
  pthread_cond_init(&q->changed, NULL);
  q->end = &q->first;
  q->most_delay = most_delay;
  if (pthread_create(&q->thread, NULL, work, q) == 0) return q;
  free(q);
  return NULL;
}

void far_queue_close(far_queue *q)
{
  if (!q) return;
  pthread_mutex_lock(&q->mutex);
  q->closing = 1;
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->mutex);
  pthread_join(q->thread, NULL);
  pthread_cond_destroy(&q->changed);
  pthread_mutex_destroy(&q->mutex);
  free(q);
}

fmp_status far_do(const far_work *work)
{
  const fmp_status status = work->fn(work->arg);
  work->drop(work->arg);
  return status;
}

fmp_status far_queue_add(far_queue *q, const far_work *work)
{
  item *i = malloc(sizeof *i);
  FMP_REQUIRE(far_host, i != NULL, FMP_ENOMEM, "far: no memory for work");
  *i = (item){NULL, *work};
  pthread_mutex_lock(&q->mutex);
  while (q->added - q->done >= LONGEST) pthread_cond_wait(&q->changed, &q->mutex);
  *q->end = i;
  q->end = &i->next;
  q->added++;
  pthread_cond_broadcast(&q->changed);
  pthread_mutex_unlock(&q->mutex);
  return FMP_OK;
}

void far_queue_drain(far_queue *q)
{
  pthread_mutex_lock(&q->mutex);
  while (q->done < q->added) pthread_cond_wait(&q->changed, &q->mutex);
  pthread_mutex_unlock(&q->mutex);
}

int64_t far_queue_mark(far_queue *q)
{
  pthread_mutex_lock(&q->mutex);
  const int64_t mark = q->added;
  pthread_mutex_unlock(&q->mutex);
  return mark;
}

/* What has failed since, behind the mark, is reported here too: sooner rather than never. */
fmp_status far_queue_wait_for(far_queue *q, int64_t mark)
{
  char text[TEXT];
  pthread_mutex_lock(&q->mutex);
  while (q->done < mark) pthread_cond_wait(&q->changed, &q->mutex);
  const fmp_status status = q->failed;
  snprintf(text, sizeof text, "%s", q->text);
  q->failed = FMP_OK;
  pthread_mutex_unlock(&q->mutex);
  return status == FMP_OK ? FMP_OK : far_host->fail(status, "%s", text);
}

fmp_status far_queue_wait(far_queue *q) { return far_queue_wait_for(q, far_queue_mark(q)); }
