/* SPDX-License-Identifier: Apache-2.0
 * The engine's locks of what all threads share, and what becomes of them, and of all else, in a
 * process that is forked. */
#ifndef FMP_LOCKS_H
#define FMP_LOCKS_H

/* In the order in which they are taken: who holds one takes only later ones. Plugins' functions
 * are called under the first two. */
enum {
  FMP__LOCK_PLUGINS, /* loading */
  FMP__LOCK_DEVICES, /* opening */
  FMP__LOCK_BATCHES, /* what a graph finds out about itself */
  FMP__LOCK_CHOICES, /* autotune's file */
  FMP__LOCK_PROFILES,
  FMP__LOCK_FORCED,   /* the kernel that is forced */
  FMP__LOCK_REGISTRY, /* what plugins have registered */
  FMP__LOCK_COUNT
};

void fmp__lock(int which);
void fmp__unlock(int which);

/* Called where a device or a resource is opened: a process that is forked from now on may use
 * neither; see stop.h. */
void fmp__note_opened(void);

#endif
