/* SPDX-License-Identifier: Apache-2.0
 *
 * The process-wide locks, and forks. All of the engine's short locks are taken around a fork, so
 * that the child finds what they guard whole and unlocked. What each thread keeps for itself needs
 * no lock. */
#include "base/locks.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/stop.h"

static pthread_mutex_t locks[FMP__LOCK_COUNT] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

/* Set once, never cleared. held[] and got[] are the calling thread's, which is also the only thread
 * that a forked child has. */
static atomic_int opened;
static _Thread_local int held[FMP__LOCK_COUNT]; /* by this thread, now */
static _Thread_local int got[FMP__LOCK_COUNT];  /* the long ones that its fork could take */

/* -- forks ----------------------------------------------------------------- */

/* Locks before this one are held while plugins' functions run. A fork only tries them: loading may
 * take long, and dlopen() may itself be waiting for the C library's list of fork handlers, which
 * the forking thread holds. */
enum { FIRST_SHORT = FMP__LOCK_DEVICES + 1 };

/* A fork waits until nobody is in the middle of a short change. If another thread is in the middle
 * of a long one, a plugin or a device is half there: then the child may use none at all
 * (in_child). */
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

/* In the child, on its only thread. A long lock that neither the fork nor this thread itself held
 * was another thread's, which does not exist here: nobody would ever unlock it, so it is made
 * anew. */
static void in_child(void)
{
  int is_half = 0;
  after_fork();
  for (int i = 0; i < FIRST_SHORT; i++)
    if (!got[i] && !held[i]) is_half = !pthread_mutex_init(&locks[i], NULL);
  if (!is_half && !atomic_load(&opened)) return;
  fmp__stop_for_good();
}

/* When the library is loaded, before any of the locks can be held. */
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
