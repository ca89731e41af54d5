/* SPDX-License-Identifier: Apache-2.0 */
#include "base/locks.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/stop.h"

static pthread_mutex_t locks[FMP__LOCK_COUNT] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER};

static atomic_int opened;
static _Thread_local int held[FMP__LOCK_COUNT]; /* by this thread */
static _Thread_local int got[FMP__LOCK_COUNT];  /* as it forks */

/* -- forks ----------------------------------------------------------------- */

/* Plugins' functions are called under these. A fork does not wait for them: they may take long, and
 * a library that is being loaded may wait for the C library's lock of fork's handlers. */
enum { FIRST_SHORT = FMP__LOCK_DEVICES + 1 };

/* A fork waits until nobody is in the midst of a short change, so that the child finds all of it
 * whole. It comes last that another thread is in the midst of a long one: then a plugin, or a
 * device, is half there, and the child may use none. */
static void before_fork(void)
{
  for (int i = FIRST_SHORT; i < FMP__LOCK_COUNT; i++) pthread_mutex_lock(&locks[i]);
  for (int i = 0; i < FIRST_SHORT; i++) got[i] = !pthread_mutex_trylock(&locks[i]);
}

static void after_fork(void)
{
  for (int i = 0; i < FIRST_SHORT; i++)
    if (got[i]) pthread_mutex_unlock(&locks[i]);
  for (int i = FMP__LOCK_COUNT; i-- > FIRST_SHORT;) pthread_mutex_unlock(&locks[i]);
}

/* What a thread holds that is not here is made anew. */
static void in_child(void)
{
  int is_half = 0;
  after_fork();
  for (int i = 0; i < FIRST_SHORT; i++)
    if (!got[i] && !held[i]) is_half = !pthread_mutex_init(&locks[i], NULL);
  if (!is_half && !atomic_load(&opened)) return;
  fmp__stop_for_good();
}

/* Before any lock can be held: as the library is loaded. */
__attribute__((constructor)) static void watch_forks(void)
{
  pthread_atfork(before_fork, after_fork, in_child);
}

void fmp__note_opened(void) { atomic_store(&opened, 1); }

/* -- locks ----------------------------------------------------------------- */

void fmp__lock(int which)
{
  pthread_mutex_lock(&locks[which]);
  held[which] = 1;
}

void fmp__unlock(int which)
{
  held[which] = 0;
  pthread_mutex_unlock(&locks[which]);
}
