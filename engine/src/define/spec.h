/* SPDX-License-Identifier: Apache-2.0
 * Data types and specs: names, sizes, checks, text. */
#ifndef FMP_SPEC_H
#define FMP_SPEC_H

#include "fmp/plugin.h"

/* FMP_ESHAPE or FMP_EDTYPE if no tensor could have this spec: unknown type, rank over
 * FMP_MAX_RANK, negative dimension, more bytes than an address can count. */
fmp_status fmp__spec_check(const fmp_spec *spec);
/* Elements and bytes of a checked spec. */
int64_t fmp__spec_size(const fmp_spec *spec);
int64_t fmp__spec_bytes(const fmp_spec *spec);
int fmp__spec_equal(const fmp_spec *a, const fmp_spec *b);
uint64_t fmp__spec_hash(uint64_t hash, const fmp_spec *spec);
/* Clears what stands beyond rank, so that specs compare and hash as bytes would. */
void fmp__spec_tidy(fmp_spec *spec);

/* Row-major strides, in elements. */
void fmp__strides_of(const fmp_spec *spec, int64_t *strides);
/* Bytes from a view's first element to its lowest, and to behind its highest. 0: they are more
 * than a number holds. */
int fmp__view_extent(const fmp_spec *spec, const int64_t *strides, int64_t *low, int64_t *high);
/* FMP_EPLUGIN if a view at this offset leaves memory of so many bytes. */
fmp_status fmp__check_view(const fmp_spec *spec, const int64_t *strides, int64_t offset,
                           int64_t bytes);
/* Are these strides row-major without gaps? Dimensions of size 1 may have any. */
int fmp__is_contiguous(const fmp_spec *spec, const int64_t *strides);

#endif
