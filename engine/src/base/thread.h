/* SPDX-License-Identifier: Apache-2.0
 * What a module keeps for each thread ends with the thread. The module says how, the first time
 * that a thread keeps something; nobody below needs to know what it is. */
#ifndef FMP_THREAD_H
#define FMP_THREAD_H

/* Who ends first: who holds something goes before what is held. */
enum {
  FMP__END_RECORDING, /* graphs, which hold tensors and kernels' params */
  FMP__END_PREPARED,  /* the cache of prepared ops */
  FMP__END_SPARES,    /* tensors and memory that were kept for reuse */
  FMP__END_STREAMS,
  FMP__END_TEXTS, /* and other results that were lent to the caller */
  FMP__END_SAVED,
  FMP__END_COUNT
};

/* `end` is called once, on the calling thread, when it ends; asked again for the same `which`,
 * nothing more happens. In a process that was forked too late nothing is called: what threads keep
 * there is of devices that are gone. */
void fmp__thread_at_end(int which, void (*end)(void));

/* The thread that ends the process has no end of its own: from now on it is given one, at exit.
 * Called once libraries of plugins have registered what they do at exit, which then comes after. */
void fmp__thread_watch_exit(void);

#endif
