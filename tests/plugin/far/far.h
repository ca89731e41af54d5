/* SPDX-License-Identifier: Apache-2.0
 *
 * far: a device whose memory is out of the host's reach, for tests of what an accelerator would
 * find. The addresses that the engine sees are real ones plus 2^56, which no process can map, so
 * whatever touches them on the host dies at once. Its kernels are the cpu backend's, called with
 * translated pointers, so results are the same bits as on the cpu.
 *
 *   FAR_MODE    "now": work is done when the call returns; "later": by a thread of the device's, in
 *               order, and memory that is freed is overwritten when its turn comes; "recorded":
 *               likewise, and plans are captured and launched
 *   FAR_DELAY   the most microseconds that the thread idles before a piece of work (20), drawn anew
 *               for each
 *   FAR_BYTES   how much memory each device has (no limit)
 *   FAR_DEVICES how many devices there are (2) */
#ifndef FAR_H
#define FAR_H

#include <stdatomic.h>

#include "fmp/plugin.h"

enum { FAR_MOST_DEVICES = 8, FAR_ALIGNMENT = 64 };

/* -- memory (memory.c) ----------------------------------------------------- */

/* NULL stays NULL. far_near ends the process if the address is one of the host's: an error of the
 * engine's that must not pass unseen. */
void *far_of(void *near);
void *far_near(const void *far);

/* -- queues (queue.c) ------------------------------------------------------ */

typedef struct far_queue far_queue;

/* A piece of work, which may be done more than once, and then dropped. On failure it has called
 * the kernels' fail on its own thread. */
typedef struct far_work {
  fmp_status (*fn)(void *arg);
  void (*drop)(void *arg);
  void *arg;
} far_work;

/* Does it once and drops it. */
fmp_status far_do(const far_work *work);

/* NULL: no memory, or no thread. Closing does all work first. */
far_queue *far_queue_new(long most_delay);
void far_queue_close(far_queue *q);
fmp_status far_queue_add(far_queue *q, const far_work *work);
/* Waits until all is done. A failure stays for who waits next. */
void far_queue_drain(far_queue *q);
/* A number for what was added so far; and waiting until that is done, with failures as below. */
int64_t far_queue_mark(far_queue *q);
fmp_status far_queue_wait_for(far_queue *q, int64_t mark);
/* Waits until all is done; the first failure since the last wait, with its text. */
fmp_status far_queue_wait(far_queue *q);

/* -- graphs (graph.c) ------------------------------------------------------- */

/* Work that was noted, and that every launch does again. Held by its owner and by each launch. */
typedef struct far_graph far_graph;

far_graph *far_graph_new(void);
void far_graph_release(far_graph *g);
fmp_status far_graph_add(far_graph *g, const far_work *work);
/* All of it, in order; the graph is the argument. */
fmp_status far_graph_run(void *graph);
/* One more reference, for a launch. */
far_graph *far_graph_retain(far_graph *g);

/* -- the device (device.c) ------------------------------------------------- */

/* What happened so far, in this order in the output of far_counts. */
enum {
  FAR_ALLOCS,
  FAR_FREES,
  FAR_COPIES_IN,
  FAR_COPIES_OUT,
  FAR_WAITS,    /* for all work */
  FAR_SYNCS,    /* for an event */
  FAR_KERNELS,  /* enqueued or noted */
  FAR_LAUNCHES, /* of graphs */
  FAR_COUNTS
};

typedef struct far_device {
  int32_t index;
  far_queue *queue; /* NULL: work is done at once */
  void *cpu;        /* the cpu backend's device, which kernels run on */
  far_graph *graph; /* that work is noted in; NULL: it is done */
  _Atomic int64_t held, counts[FAR_COUNTS];
} far_device;

/* The engine's stream on this device. Kernels are prepared, and in mode "now" run, on `caller`; the
 * queue's thread runs them on `worker`. Both are streams of the cpu backend. */
typedef struct far_stream {
  far_device *device;
  void *caller, *worker;
} far_stream;

extern const fmp_host *far_host; /* the engine's functions */
extern fmp_backend_def far_cpu;  /* as the cpu plugin has defined it */

void far_count(far_device *d, int what);
/* Does it, has it done, or notes it. What cannot be is dropped. */
fmp_status far_enqueue(far_device *d, fmp_status (*fn)(void *), void (*drop)(void *), void *arg);
/* The devices that were opened, for far_counts; NULL: not yet. */
far_device *far_device_at(int32_t index);
fmp_status far_add_backend(fmp_registry *r);
/* Waits for all work of all devices, as far_queue_drain. */
void far_drain(void);

/* -- failures (host.c) ------------------------------------------------------ */

/* The table that kernels are lent: like the engine's, but that failures are kept for the thread
 * that waits, and loops run on the cpu's stream. */
extern fmp_host far_kernels_host;
/* Before anything else. */
void far_lend(const fmp_host *h);
/* What this thread's last failure said. */
const char *far_failure(void);
/* Puts what has failed in front of it. */
void far_fail_in(const char *where);

/* -- kernels (kernel.c, params.c) ------------------------------------------ */

/* Registers every kernel of the installation's that cpu has, as one of far's. */
fmp_status far_add_kernels(fmp_registry *r);

/* What is known of an op, so that queued work can have a copy of its params. */
typedef struct far_op {
  char name[64];
  uint32_t flags, params_size, n_attr;
  fmp_attr_def *attrs;
} far_op;

void far_remember_op(const fmp_op_def *def);
/* NULL: no op of that name was remembered. */
const far_op *far_find_op(const char *name);

/* A deep copy in one block, to be freed with free(); NULL: no memory. */
void *far_copy_params(const far_op *op, const void *params);

#endif
