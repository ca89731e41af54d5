/* SPDX-License-Identifier: Apache-2.0
 *
 * The locks for what all threads of the process share, in one table with one order; and what
 * becomes of them, and of everything else, in a process that is forked. */
#ifndef FMP_LOCKS_H
#define FMP_LOCKS_H

/* In the order in which they are taken: a thread that holds one takes only later ones, so that two
 * threads cannot wait for each other. Plugins' functions (load, open) run under the first two. */
enum {
  FMP__LOCK_PLUGINS, /* loading */
  FMP__LOCK_DEVICES, /* opening */
  FMP__LOCK_BATCHES, /* what a shared graph finds out about itself later */
  FMP__LOCK_CHOICES, /* autotune's file */
  FMP__LOCK_PROFILES,
  FMP__LOCK_FORCED,   /* the kernel that is forced */
  FMP__LOCK_REGISTRY, /* what plugins have registered */
  FMP__LOCK_TEXTS,    /* that stay (intern.h) */
  FMP__LOCK_COUNT
};

void fmp__lock(int which);
void fmp__unlock(int which);

/* Called before a device or a resource is opened. From then on a child of fork() may use neither,
 * since it lacks the threads behind them; see stop.h and docs/decisions/forks-come-first.md. */
void fmp__note_opened(void);

#endif
