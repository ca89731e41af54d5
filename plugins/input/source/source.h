/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_SOURCE_H
#define INPUT_SOURCE_H

#include "fmp/kit/source.h"

/* The source that a resource is, whoever's plugin brought it; or NULL with the text kept. */
const fmp_source *source_of(const fmp_host *h, const fmp_resource *r);

#endif
