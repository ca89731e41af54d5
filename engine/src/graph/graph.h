/* SPDX-License-Identifier: Apache-2.0
 *
 * Graphs: nodes of (op, attributes, values). A graph is being built while a thread records (ops run
 * at once and are remembered) or traces (they are only remembered); only that thread sees it then.
 * When a trace ends the graph is finished: from then on it is immutable, shared by reference, and
 * read by any thread. A recording's graph is never finished: it ends with the recording.
 *
 * What always holds:
 * - Values are numbered from 1; 0 stands for an absent input or output. The inputs are 1..n_inputs,
 *   since they are added before any node; captures and nodes' outputs follow in order of first use.
 * - Nodes are in program order, and a node reads only values with smaller numbers than its outputs
 *   have. So program order is an order of execution, a walk forward sees every value made before it
 *   is read, and a walk backward every reader before the maker. Nothing in the engine ever sorts a
 *   graph.
 * - A value is made once. Memory may be written several times; writes are numbered (n_writes), and
 *   each node remembers the last write that it may have seen in each input (in_written). Two nodes
 *   compute the same only if those agree: see docs/decisions/writes-are-ordered-by-memory.md.
 * - A node's random_key is fixed when it is emitted, so that dropping, merging and rewriting other
 *   nodes changes none of its draws. */
#ifndef FMP_GRAPH_H
#define FMP_GRAPH_H

#include <stdatomic.h>

#include "base/status.h"
#include "base/table.h"
#include "device/tensor.h"
#include "graph/rng.h"

/* Where a value comes from. */
enum { FMP__FROM_INPUT = 1, FMP__FROM_CAPTURE = 2, FMP__FROM_NODE = 3 };

/* One value. `root` is the value whose memory it is a view of, or itself; a root is its own root,
 * so following it once is enough. What is noted about memory (written, pinned) is noted at the
 * root. A capture over the storage of an earlier value has that value's root. */
typedef struct fmp__value {
  fmp_spec spec;
  /* Captures: the tensor from outside, retained for good. Others: the handle that emission gave
   * out, retained while the graph is built (so that no node's value can vanish), NULL in a finished
   * graph. */
  fmp_tensor *tensor;
  uint32_t from;    /* FMP__FROM_* */
  uint32_t index;   /* which input, which capture, or which output of `node` */
  uint32_t node;    /* number of the node that makes it */
  uint32_t root;    /* the value whose memory it is a view of, or itself */
  uint32_t written; /* of a root: number of the last write to it; 0: none */
  uint64_t storage; /* id of the storage that it brought first; 0: it brought none */
  int pinned;       /* of a root: a gradient counts on its data being as it was before a write
                       to memory that may turn out to be the same; see plan_share.c */
  int bypassed;     /* while tracing: a rewrite has led its readers past it */
  int lowered;      /* while tracing: it is bf16 only because the trace is of low precision,
                       and not because somebody asked for bf16 */
} fmp__value;

/* One op of the program. Immutable once appended, but for `replaced` and, right after the emission,
 * random_key (copies of a graph keep the keys of the original). The op is the registry's;
 * everything else is the node's own. */
typedef struct fmp__node {
  const fmp_op *op;
  void *params; /* owned */
  char *scope;  /* owned */
  uint64_t random_key;
  int replaced; /* by a rewrite: readers of its outputs have been redirected */
  uint32_t n_in, n_out;
  uint32_t *in;         /* values; owns the block in which the next two lie as well */
  uint32_t *in_written; /* by input: the last write that the node may have seen in it */
  uint32_t *out;        /* values; 0: an optional output that the op does not make here */
  uint32_t n_before;    /* how many writes the graph had before this node's own */
} fmp__node;

struct fmp_graph {
  atomic_int_fast32_t references;
  fmp_device *device;
  int tracing;              /* 0 for a recording, and for a finished graph */
  int no_rewrites;          /* the trace was begun with FMP_NO_REWRITES */
  int low_precision;        /* likewise, FMP_LOW_PRECISION; see precision.h */
  fmp__generator generator; /* a recording's seed and step: all its draws use them */
  fmp__ordinals ordinals;   /* of random ops by scope; for keys of further ones */

  fmp__node *nodes;
  uint32_t n_nodes, nodes_room;
  fmp__value *values; /* values[0] is unused */
  uint32_t n_values, values_room;
  uint32_t n_inputs; /* values 1..n_inputs */
  uint32_t n_captures;
  /* Writes are numbered from 1. A trace does not know whether an input will be the memory of
   * another input or of a captured tensor, so it also notes the last write to any input and to any
   * capture. */
  uint32_t n_writes, input_written, capture_written;
  int any_pinned;    /* some value is: saves looking for one */
  fmp__table known;  /* the value of each captured tensor, and the first over each storage */
  uint32_t *outputs; /* values; set when the trace ends */
  uint32_t n_outputs;
  char *batch_note;  /* why it holds for one batch size only; NULL: nothing says so */
  int batch_checked; /* it was tried; the only fields that change later, under a lock */
};

fmp_status fmp__graph_new(fmp_device *device, int tracing, fmp_graph **graph);
/* Lets go of every tensor that was made inside, which ends their connection to the graph;
 * keep[0..n) keep their values, all others are emptied. Captures stay. */
void fmp__graph_detach(fmp_graph *g, fmp_tensor *const *keep, int32_t n);

/* A further input of a trace; no node may have been added yet. */
fmp_status fmp__graph_add_input(fmp_graph *g, const fmp_spec *spec, fmp_tensor **input);
/* The value of a tensor in this graph; a tensor from outside becomes a capture. FMP_ESTATE: it is
 * empty, or belongs to another trace. */
fmp_status fmp__graph_value(fmp_graph *g, fmp_tensor *t, uint32_t *value);
/* A node, with room for all that appending it will need, so that appending cannot fail: what an op
 * does in between, such as writing an input or taking an example from a queue, could not be undone.
 * The node is then either appended or unreserved. */
fmp_status fmp__graph_reserve(fmp_graph *g, const fmp_op *op, const uint32_t *in, uint32_t n_in,
                              uint32_t n_out, const char *scope, fmp__node *node);
void fmp__graph_unreserve(fmp__node *node);
/* Takes over params and the node's memory. tensors[i]: the handles of the outputs, NULL for an
 * absent one; the graph takes a reference of its own to each, and they are bound to it. */
void fmp__graph_append(fmp_graph *g, fmp__node *node, void *params, fmp_tensor *const *tensors,
                       uint64_t random_key);
/* Forgets all nodes and values behind the first so many: those of what failed, whose handles nobody
 * has. */
void fmp__graph_forget(fmp_graph *g, uint32_t n_nodes, uint32_t n_values);

/* The value whose memory this one is, or is a view of. */
uint32_t fmp__graph_root(const fmp_graph *g, uint32_t value);
/* Notes that a gradient counts on the value's data, which may be written by the time it is read. */
void fmp__graph_pin(fmp_graph *g, uint32_t value);
/* Number of the last write that may have changed the value's memory; 0: none can have. For inputs
 * and captures this includes writes to other inputs and captures, which may turn out to be the same
 * memory. */
uint32_t fmp__graph_written(const fmp_graph *g, uint32_t value);

#endif
