/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_SOURCE_H
#define INPUT_SOURCE_H

#include "../files/failure.h"

/* The source that a resource is, whoever's plugin brought it; or NULL with the text kept. */
const fmp_source *source_of(const fmp_host *h, const fmp_resource *r);
/* As s->read(), of a source that may be anybody's: what is returned is FMP_OK or a failure, and a
 * failure is in *why. */
fmp_status source_read(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                       int32_t *label, fmp_failure *why);

#endif
