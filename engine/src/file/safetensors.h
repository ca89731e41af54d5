/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors container: a length, that many bytes of JSON, tensors.
 *
 *   8 bytes   N, little-endian
 *   N bytes   {"__metadata__": {text: text}, name: {"dtype", "shape", "data_offsets": [b, e)}}
 *   the rest  tensors, row-major, little-endian; offsets count from here
 *
 * Together the tensors cover the rest exactly: no hole, no overlap, no byte behind them. There is
 * no checksum.
 *
 * Files come from anywhere. Once a file is open, all of the above has been checked, so code that
 * reads a tensor need not look at the file's numbers again; and no memory was taken for tensors on
 * the word of a header that had not been checked. docs/decisions/limits-of-files.md. */
#ifndef FMP_SAFETENSORS_H
#define FMP_SAFETENSORS_H

#include "base/json.h"
#include "device/tensor.h"

/* One tensor of an open file. spec is a checked one, and end - begin is its size in bytes. */
typedef struct fmp__stored {
  const char *name; /* borrowed from the header */
  fmp_spec spec;
  int64_t begin, end; /* bytes, from data_start */
} fmp__stored;

/* An open file; `header` lends the names until it is closed. */
typedef struct fmp__safetensors {
  int file;
  json_t *header;
  fmp__stored *tensors; /* in order of name */
  uint32_t n;
  int64_t size, data_start; /* in bytes, from the file's start */
} fmp__safetensors;

/* FMP_EIO: it cannot be read; FMP_EDATA: it is no such file. Texts lack the path. On failure *s is
 * closed. */
fmp_status fmp__safetensors_open(const char *path, fmp__safetensors *s);
void fmp__safetensors_close(fmp__safetensors *s);
/* NULL: there is no such key. Borrowed until the file is closed. */
const char *fmp__safetensors_metadata(const fmp__safetensors *s, const char *key);
const fmp__stored *fmp__safetensors_find(const fmp__safetensors *s, const char *name);
fmp_status fmp__safetensors_read(const fmp__safetensors *s, const fmp__stored *stored,
                                 fmp_device *device, fmp_tensor **t);

typedef struct fmp__named_tensor {
  const char *name; /* unique, UTF-8, not "__metadata__" */
  fmp_tensor *tensor;
} fmp__named_tensor;

/* Replaces the file at path, or leaves it as it was. Sorts tensors[0..n) by the size of their
 * types, largest first, and then by name: so each begins at a multiple of its type's size, and the
 * same tensors always give the same file. */
fmp_status fmp__safetensors_write(const char *path, const json_t *metadata,
                                  fmp__named_tensor *tensors, uint32_t n);

#endif
