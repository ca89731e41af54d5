/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/stop.h"

typedef void (*end_fn)(void);

static _Thread_local end_fn ends[FMP__END_COUNT];

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

/* A function may keep something again, for one that has been called: the C library then calls this
 * once more. */
static void end_thread(void *thread)
{
  (void)thread;
  if (fmp__is_forked()) return; /* kernels and streams are plugins' own */
  for (int which = 0; which < FMP__END_COUNT; which++) {
    const end_fn end = ends[which];
    ends[which] = NULL;
    if (end) end();
  }
}

static void make_key(void) { pthread_key_create(&key, end_thread); }

void fmp__thread_at_end(int which, void (*end)(void))
{
  if (ends[which]) return;
  pthread_once(&key_once, make_key);
  pthread_setspecific(key, ends);
  ends[which] = end;
}

static void end_process(void)
{
  pthread_once(&key_once, make_key);
  pthread_setspecific(key, NULL);
  end_thread(NULL);
}

static void watch_exit(void) { atexit(end_process); }

void fmp__thread_watch_exit(void) { pthread_once(&exit_once, watch_exit); }
