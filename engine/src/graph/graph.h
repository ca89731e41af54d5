/* SPDX-License-Identifier: Apache-2.0
 * Graphs: nodes of (op, attributes, values). One is being built while a thread records
 * (ops run at once and are remembered) or traces (ops are only remembered); a finished
 * trace is immutable.
 *
 * Values are numbered from 1; 0 stands for an absent input or output. Nodes are in
 * program order, which is also an order of execution. */
#ifndef FMP_GRAPH_H
#define FMP_GRAPH_H

#include <stdatomic.h>

#include "base/table.h"
#include "graph/rng.h"
#include "base/status.h"
#include "device/tensor.h"

/* Where a value comes from. */
enum { FMP__FROM_INPUT = 1, FMP__FROM_CAPTURE = 2, FMP__FROM_NODE = 3 };

typedef struct fmp__value {
  fmp_spec spec;
  /* Captures: the tensor from outside, retained for good. Others: the handle that
   * emission gave out, retained while the graph is built, NULL afterwards. */
  fmp_tensor *tensor;
  uint32_t from;    /* FMP__FROM_* */
  uint32_t index;   /* which input, which capture, or which output of `node` */
  uint32_t node;    /* number of the node that makes it */
  uint32_t root;    /* the value whose memory it is a view of; itself if of none */
  uint32_t written; /* of a root: number of the last write to it; 0: none */
  int pinned;       /* of a root: a gradient took its data as unchanged after writes to memory
                       that may be the same; see plan_share.c */
  int lowered;      /* while tracing: bf16 because the trace is of low precision, and not
                       because somebody asked for it */
} fmp__value;

typedef struct fmp__node {
  const fmp_op *op;
  void *params; /* owned */
  char *scope;  /* owned */
  uint64_t random_key;
  int replaced; /* by a rewrite: its readers look elsewhere */
  uint32_t n_in, n_out;
  uint32_t *in;         /* values; owned, with the next two in one block */
  uint32_t *in_written; /* of each input: the last write that the node may have seen in it */
  uint32_t *out;        /* 0: an optional output that the op does not make here */
  uint32_t n_before;    /* writes of the graph before the node ran */
} fmp__node;

struct fmp_graph {
  atomic_int_fast32_t references;
  fmp_device *device;
  int tracing;              /* or recording; a finished graph is neither */
  int no_rewrites;          /* as the trace was begun */
  int low_precision;        /* likewise; see precision.h */
  fmp__generator generator; /* a recording's seed and step */
  fmp__ordinals ordinals;

  fmp__node *nodes;
  uint32_t n_nodes, nodes_room;
  fmp__value *values; /* values[0] is unused */
  uint32_t n_values, values_room;
  uint32_t n_inputs; /* values 1..n_inputs */
  uint32_t n_captures;
  /* Writes are numbered from 1. A trace does not know whether an input will be the memory of
   * another input or of a captured tensor, so it also notes the last write to any of them. */
  uint32_t n_writes, input_written, capture_written;
  int any_pinned;
  fmp__table known;  /* by address: the value of a captured tensor, and one of each storage */
  uint32_t *outputs; /* values */
  uint32_t n_outputs;
  char *batch_note; /* why it holds for one batch size only; NULL: not known to */
  int batch_checked;
};

fmp_status fmp__graph_new(fmp_device *device, int tracing, fmp_graph **graph);
/* Lets go of every tensor made inside; keep[0..n) keep their values, others are emptied. */
void fmp__graph_detach(fmp_graph *g, fmp_tensor *const *keep, int32_t n);

/* A further input of a trace; no node may have been added yet. */
fmp_status fmp__graph_add_input(fmp_graph *g, const fmp_spec *spec, fmp_tensor **input);
/* The value of a tensor in this graph; one from outside is captured. FMP_ESTATE: it is
 * empty, or belongs to another trace. */
fmp_status fmp__graph_value(fmp_graph *g, fmp_tensor *t, uint32_t *value);
/* A node, with room for all of it, so that adding it cannot fail: what runs in between will be
 * remembered. It is either appended or unreserved. */
fmp_status fmp__graph_reserve(fmp_graph *g, const fmp_op *op, const uint32_t *in, uint32_t n_in,
                              uint32_t n_out, const char *scope, fmp__node *node);
void fmp__graph_unreserve(fmp__node *node);
/* Takes over params. tensors[i]: the handles of the outputs, NULL for an absent one; they are
 * retained and bound to the graph. */
void fmp__graph_append(fmp_graph *g, fmp__node *node, void *params, fmp_tensor *const *tensors,
                       uint64_t random_key);
/* Forgets all but the first nodes and values: those of what failed, whose handles nobody has. */
void fmp__graph_forget(fmp_graph *g, uint32_t n_nodes, uint32_t n_values);

/* The root of a value, with views followed. */
uint32_t fmp__graph_root(const fmp_graph *g, uint32_t value);
/* A gradient took the value's data as unchanged though it may have been written. */
void fmp__graph_pin(fmp_graph *g, uint32_t value);
/* Number of the last write that may have changed the value's memory; 0: none has. */
uint32_t fmp__graph_written(const fmp_graph *g, uint32_t value);

#endif
