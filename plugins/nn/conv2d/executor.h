/* SPDX-License-Identifier: Apache-2.0
 *
 * executor.h: one convolution, in one direction, made ready by oneDNN. x and y stay NHWC, which
 * its fast kernels take. It chooses the layout of the weights: every run reorders them from OHWI
 * into scratch memory, and gradients by weights back again (measured: negligible beside the
 * products).
 *
 * Any number of threads may run one executor at once. Scratchpads are the caller's. The
 * memory objects that a run hands to oneDNN hold pointers: one set of them is made with the
 * executor and lent to one run at a time; a run that finds it lent makes its own.
 */
#ifndef FMP_NN_EXECUTOR_H
#define FMP_NN_EXECUTOR_H

#include <stdatomic.h>

#include "conv.h"
#include "onednn.h"

enum { EXECUTOR_ARGS = 5 }; /* x, w, y, b, scratchpad */

/* Arguments of one primitive, in a fixed order; their pointers are set by each run. */
struct binding {
  dnnl_exec_arg_t args[EXECUTOR_ARGS];
  int count;
};

/* What one run needs. */
struct arguments {
  dnnl_stream_t stream;
  struct binding reorder, convolution;
};

struct executor {
  int direction;
  onednn_own_layout plain;           /* of w: OHWI */
  dnnl_primitive_desc_t description; /* owns the layouts that layout_of() finds */
  dnnl_primitive_t convolution;
  dnnl_primitive_t reorder; /* of w or dw; NULL: its layout is OHWI */
  size_t packed_bytes;      /* of w in the layout that oneDNN chose; 0 without reorder */
  size_t pad_bytes, reorder_pad_bytes;
  int biased;
  struct arguments kept; /* written by whoever has set `lent` */
  atomic_int lent;
};

/* What a run is handed. */
struct operands {
  void *data[CONV_OPERANDS];
  void *b; /* NULL: none */
};

/* What an executor is made for. types: of x, w and y, or their gradients: all three FMP_F32, or
 * FMP_BF16 for what is read and either for what is written. biased: runs have a b, of y's type.
 * slope: of the activation after a forward run; 1: none. */
struct conv_job {
  int direction, biased;
  double slope;
  struct conv c;
  uint32_t types[CONV_OPERANDS];
};

/* For as many threads as the calling thread may use now. On failure e is cleared.
 *  [any-thread] */
fmp_status executor_make(const fmp_host *h, const struct conv_job *job, struct executor *e);
/* Whether oneDNN takes the job and is not known to compute it wrongly, on as many threads as
 * executor_make would use. For bf16 its own reference implementation does not count.  [any-thread]
 */
int executor_takes(const fmp_host *h, const struct conv_job *job);
void executor_clear(struct executor *e);
/* Bytes of scratch memory, 64-byte aligned, that a run needs. */
size_t executor_scratch(const struct executor *e);
/*  [any-thread] */
fmp_status executor_run(const fmp_host *h, const struct executor *e, const struct operands *o,
                        void *scratch);

#endif
