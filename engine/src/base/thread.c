/* SPDX-License-Identifier: Apache-2.0
 *
 * Clean-up by thread-specific data: the key's value is only there so that the destructor is called.
 * ends[which] is set from the first time that this thread keeps something of that module until it
 * has been cleaned up. */
#include "base/thread.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/stop.h"

typedef void (*end_fn)(void);

static _Thread_local end_fn ends[FMP__END_COUNT];

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

/* A function may make another module keep something again, after that module's turn has passed.
 * Then the key is set again, and the C library calls this once more. */
static void end_thread(void *thread)
{
  (void)thread;
  if (fmp__is_forked()) return; /* kernels and streams are plugins' business */
  for (int which = 0; which < FMP__END_COUNT; which++) {
    const end_fn end = ends[which];
    ends[which] = NULL;
    if (end) end();
  }
}

void fmp__thread_end_now(void) { end_thread(NULL); }

static void make_key(void) { pthread_key_create(&key, end_thread); }

void fmp__thread_at_end(int which, void (*end)(void))
{
  if (ends[which]) return;
  pthread_once(&key_once, make_key);
  pthread_setspecific(key, ends);
  ends[which] = end;
}

/* At exit. The key is cleared, so that the C library does not call the destructor a second time. */
static void end_process(void)
{
  pthread_once(&key_once, make_key);
  pthread_setspecific(key, NULL);
  end_thread(NULL);
}

static void watch_exit(void) { atexit(end_process); }

void fmp__thread_watch_exit(void) { pthread_once(&exit_once, watch_exit); }
