/* SPDX-License-Identifier: Apache-2.0
 * The plugin "input" without an engine: its objects are linked in, so that coverage is seen, and
 * its resources opened as the engine would. */
#ifndef FUZZ_INPUT_HOST_H
#define FUZZ_INPUT_HOST_H

#include "fmp/kit/source.h"

typedef fmp_status (*input_register)(const fmp_host *h, fmp_registry *r);

/* The host, and its text after a failure. */
const fmp_host *input_host(void);
const char *input_text(void);

/* The resource that `reg` registers, and its attributes by name: all zero at first. */
const fmp_resource_def *input_def(input_register reg);
void *input_params(const fmp_resource_def *def); /* the same memory for all of one kind */
void *input_param(const fmp_resource_def *def, void *params, const char *name);

/* What its functions get. */
static inline fmp_resource_args input_args(const void *params, void *state)
{
  return (fmp_resource_args){.struct_size = sizeof(fmp_resource_args),
                             .host = input_host(),
                             .params = params,
                             .state = state};
}

/* What sink_write() was given since the last call. */
const void *input_saved(size_t *n);

/* `bytes` as gzip packs them, into memory of its own until the next call. */
const void *input_gzip(const void *bytes, size_t n, size_t *packed);
/* fuzz_file() of these bytes, or of what gzip makes of them. */
const char *input_file(int number, const uint8_t *bytes, size_t n, int pack);
/* Opens the resource, which is a source of images and labels, reads it from the first example on
 * and closes it; or it is refused with a text. No memory is held afterwards. */
void input_open_and_read(const fmp_resource_def *def, const void *params);

#endif
