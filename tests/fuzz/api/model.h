/* SPDX-License-Identifier: Apache-2.0
 * What api.h promises of values, in plain C: storages, views of them, and programs of ops on
 * views, which is what a recording or a trace is. All is f32, of rank 0 to 2 and few elements; all
 * values are whole and below LARGEST, so that every order of adding gives the same bits. */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdint.h>

enum { MOST_RANK = 2, MOST_ELEMENTS = 16, LARGEST = 1 << 20 };

/* Memory that several tensors may be views of. */
typedef struct storage {
  int references;
  int unknown; /* an op that wrote it was stopped half way */
  int fixed;   /* a gradient's: it is not known what shares it, so it is not written */
  int64_t n;
  float *data;
} storage;

typedef struct shape {
  int rank;
  int64_t size[MOST_RANK];
} shape;

typedef struct view {
  storage *s; /* one reference; NULL: none */
  shape shape;
  int64_t strides[MOST_RANK], offset; /* in elements */
} view;

/* The ops that are known here. GRADIENT is no op: d(value in[0]) / d(value in[1]). */
enum {
  NEG,
  RELU,
  ABS,
  COPY,
  ADD,
  SUB,
  MAXIMUM,
  MINIMUM,
  SUM,
  TRANSPOSE,
  SLICE,
  RESHAPE,
  INCREMENT,
  SGD,
  GRADIENT,
  N_OPS
};

/* Attributes: what INCREMENT adds, a SLICE's box, a RESHAPE's shape. */
typedef struct attributes {
  double by;
  int64_t start[MOST_RANK], size[MOST_RANK], step[MOST_RANK];
  shape shape;
} attributes;

int64_t shape_elements(const shape *s);
int shape_equal(const shape *a, const shape *b);

storage *storage_new(int64_t n);
void storage_release(storage *s);
/* A contiguous view of memory of its own. */
view view_new(const shape *s);
view view_retain(view v);
void view_release(view *v);
int view_is_contiguous(const view *v);
float *view_at(const view *v, int64_t i); /* element i in row-major order */
float view_greatest(const view *v);       /* magnitude */

/* What an op's output looks like. */
shape op_shape(int op, const attributes *a, const shape *in);
/* Runs one op, not GRADIENT. *out: no reference where it writes an input; values above LARGEST:
 * returns 0. */
int op_run(int op, const attributes *a, const view *in, view *out);

/* -- programs -------------------------------------------------------------- */

enum { MOST_VALUES = 256 };
enum { FROM_INPUT, FROM_CAPTURE, FROM_OP };

typedef struct value {
  int from, index; /* which input, or which instruction */
  int root;        /* the value whose memory it may be a view of; itself */
  int fixed;       /* as of storages */
  void *captured;  /* whoever builds the program knows what it is */
  shape shape;
} value;

typedef struct instruction {
  int op, in[2], out; /* values; out -1: none */
  attributes attributes;
} instruction;

typedef struct program {
  value values[MOST_VALUES];
  instruction instructions[MOST_VALUES];
  int n_values, n_instructions, n_inputs;
  int outputs[4], n_outputs;
  int writes;
  int is_differentiated; /* has gradients, which may count on what is written not being shared */
} program;

/* What a run works on: copies of the storages that it was given. */
typedef struct run {
  view views[MOST_VALUES];
  storage *originals[MOST_VALUES], *copies[MOST_VALUES];
  int n, n_values;
} run;

/* Runs it on given[v] for each value that is an input or a capture. 0: a value became too large.
 * In any case run_end is next: the copies become the storages, or are dropped. */
int program_run(const program *p, const view *given, run *r);
void run_end(run *r, int commit);

#endif
