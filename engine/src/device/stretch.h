/* SPDX-License-Identifier: Apache-2.0
 *
 * Stretches of memory, and whether what an op writes lies apart from all else that it sees. Eager
 * ops and plans ask the same question here; docs/decisions/written-inputs-stand-apart.md. */
#ifndef FMP_STRETCH_H
#define FMP_STRETCH_H

#include "define/definition.h"

/* The bytes [begin, end) of some memory, from the first to the last byte of a view: gaps between
 * its elements belong to it, so two views that interleave overlap. `memory` is any address that
 * stands for one piece of memory (a storage; in plans also a slot); different ones never
 * overlap. */
typedef struct fmp__stretch {
  const void *memory; /* NULL: none, which overlaps nothing */
  int64_t begin, end; /* in bytes from its start */
  uint32_t input;     /* number of the op's input */
  int is_written;
} fmp__stretch;

/* The stretch of a view at an offset in bytes. The view was checked when it was made. */
fmp__stretch fmp__stretch_of(const fmp_spec *spec, const int64_t *strides, const void *memory,
                             int64_t offset);
int fmp__stretches_overlap(const fmp__stretch *a, const fmp__stretch *b);

/* An input that the op writes must not overlap another one whose data it sees: kernels count on
 * it, and no two kernels would do the same otherwise. stretches[i] belongs to input i; they get
 * their inputs' numbers and marks here, and come back in another order. FMP_EINVAL names the two
 * inputs. */
fmp_status fmp__check_written_apart(const fmp_op *op, fmp__stretch *stretches, uint32_t n);

#endif
