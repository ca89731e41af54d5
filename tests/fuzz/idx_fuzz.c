/* SPDX-License-Identifier: Apache-2.0
 * IDX files. An input: a byte of flags, two bytes of length, that many bytes of the file of
 * images, and the rest is the one of labels. */
#include <string.h>

#include "../../plugins/input/idx_reader/idx_reader.h"
#include "fuzz.h"
#include "input_host.h"

enum { PACK_IMAGES = 1, PACK_LABELS = 2, CLASSES = 4, FRONT = 3 };

static const fmp_resource_def *def;

void fuzz_start(void) { def = input_def(idx_reader_register); }

static void seed(const char *name, uint8_t flags, const char *images, size_t n, const char *labels,
                 size_t n_labels)
{
  uint8_t bytes[256] = {flags, (uint8_t)n, (uint8_t)(n >> 8)};
  memcpy(bytes + FRONT, images, n);
  memcpy(bytes + FRONT + n, labels, n_labels);
  fuzz_seed(name, bytes, FRONT + n + n_labels);
}

#define TEXT(s) s, sizeof(s) - 1
#define GRAY    TEXT("\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\3abcdefghijkl")
#define COLOUR  TEXT("\0\0\10\4\0\0\0\2\0\0\0\1\0\0\0\2\0\0\0\3abcdefghijkl")
#define LABELS  TEXT("\0\0\10\1\0\0\0\2\3\11")

void fuzz_make_seeds(void)
{
  size_t n;
  const void *packed = input_gzip(GRAY, &n);
  seed("packed", CLASSES, packed, n, LABELS);
  seed("gray", CLASSES, GRAY, LABELS);
  seed("colour", 0, COLOUR, LABELS);
  seed("packed-both", CLASSES | PACK_IMAGES | PACK_LABELS, GRAY, LABELS);
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  void *params = input_params(def);
  if (n < FRONT) return;
  const uint8_t *rest = bytes + FRONT;
  size_t images = (size_t)(bytes[1] | bytes[2] << 8);
  if (images > n - FRONT) images = n - FRONT;
  *(const char **)input_param(def, params, "images") =
      input_file(0, rest, images, bytes[0] & PACK_IMAGES);
  *(const char **)input_param(def, params, "labels") =
      input_file(1, rest + images, n - FRONT - images, bytes[0] & PACK_LABELS);
  *(int64_t *)input_param(def, params, "classes") = bytes[0] & CLASSES ? 10 : 0;
  input_open_and_read(def, params);
}
