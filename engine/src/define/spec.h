/* SPDX-License-Identifier: Apache-2.0
 *
 * Data types and specs: names, sizes, checks, text. The one place that knows how large an element
 * is and what a possible shape is.
 *
 * A checked spec (fmp__spec_check) has a known type, a rank up to FMP_MAX_RANK, dimensions from 0
 * up, zero reserved words, and so few elements that sizes, byte counts and strides fit into int64_t
 * with room to spare, even if some dimension is 0. All else here, every tensor, every slot of a
 * plan and every kernel's index arithmetic relies on that. Specs are checked where they come in:
 * from callers, files, and an op's infer. */
#ifndef FMP_SPEC_H
#define FMP_SPEC_H

#include "fmp/plugin.h"

/* Fails if no tensor could have this spec: FMP_EDTYPE for an unknown type; FMP_ESHAPE for a rank
 * over FMP_MAX_RANK, a negative dimension, or more bytes than a quarter of what int64_t counts;
 * FMP_EINVAL for reserved words that are not zero. */
fmp_status fmp__spec_check(const fmp_spec *spec);
/* Elements and bytes of a checked spec. */
int64_t fmp__spec_size(const fmp_spec *spec);
int64_t fmp__spec_bytes(const fmp_spec *spec);
int fmp__spec_equal(const fmp_spec *a, const fmp_spec *b);
uint64_t fmp__spec_hash(uint64_t hash, const fmp_spec *spec);
/* Clears the dimensions beyond rank, where an op's infer may have left anything. So whoever copies,
 * prints or stores a spec can take it as it is. */
void fmp__spec_tidy(fmp_spec *spec);

/* Row-major strides, in elements; 0 beyond rank. A dimension of 0 counts as 1, so that no stride
 * within is 0. */
void fmp__strides_of(const fmp_spec *spec, int64_t *strides);
/* How far a view reaches: bytes from its first element to its lowest one (0 or negative, as strides
 * may be negative) and to just behind its highest. Returns 0 if a number would overflow; strides
 * come from plugins. */
int fmp__view_extent(const fmp_spec *spec, const int64_t *strides, int64_t *low, int64_t *high);
/* FMP_EPLUGIN if a view at this offset leaves memory of so many bytes. Every view that an op's
 * alias() makes goes through here, so kernels never see one that leaves its memory. */
fmp_status fmp__check_view(const fmp_spec *spec, const int64_t *strides, int64_t offset,
                           int64_t bytes);
/* Row-major without gaps? Dimensions of size 1 may have any stride, since nobody steps along them,
 * and a view without elements is always contiguous. */
int fmp__is_contiguous(const fmp_spec *spec, const int64_t *strides);

#endif
