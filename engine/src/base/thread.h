/* SPDX-License-Identifier: Apache-2.0
 *
 * What a module keeps for each thread ends with that thread. The module registers its own clean-up
 * the first time that a thread keeps something, so this floor need not know what there is to clean
 * up. */
#ifndef FMP_THREAD_H
#define FMP_THREAD_H

/* The order in which they end: whatever holds something ends before what it holds. */
enum {
  FMP__END_RECORDING, /* graphs, which hold tensors and kernels' params */
  FMP__END_PREPARED,  /* the cache of prepared ops */
  FMP__END_CONSTANTS, /* tensors of numbers */
  FMP__END_SPARES,    /* tensors and memory kept for reuse */
  FMP__END_STREAMS,
  FMP__END_TEXTS, /* results lent to the caller */
  FMP__END_SAVED, /* a resource's saved bytes, likewise lent */
  FMP__END_COUNT
};

/* `end` will be called once, on this thread, when the thread ends; registering the same `which`
 * again does nothing until then. In a process that was forked too late it is not called: what
 * threads keep there belongs to devices that do not exist in the child. */
void fmp__thread_at_end(int which, void (*end)(void));

/* Cleans up now, as if the calling thread ended. What it does afterwards registers anew. */
void fmp__thread_end_now(void);

/* Destructors of thread-specific data do not run for the thread that ends the process: from now on
 * it is cleaned up at exit. Called when a stream is opened, that is after the libraries behind
 * plugins have been loaded: exit handlers run in reverse order, so theirs come after ours. */
void fmp__thread_watch_exit(void);

#endif
