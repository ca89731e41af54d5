/* SPDX-License-Identifier: Apache-2.0
 * Records of fixed length. An input: flags, label bytes, which of them, height, width, channels;
 * the rest is the file. */
#include <string.h>

#include "../../plugins/input/record_reader/record_reader.h"
#include "fuzz.h"
#include "input_host.h"

enum { PACK = 1, CLASSES = 2, PIXELS = 4, TWICE = 8, LABELS = 16, FRONT = 6 };

static const fmp_resource_def *def;

void fuzz_start(void) { def = input_def(record_reader_register); }

static void seed(const char *name, const char *front, const void *content, size_t n)
{
  uint8_t bytes[256];
  memcpy(bytes, front, FRONT);
  memcpy(bytes + FRONT, content, n);
  fuzz_seed(name, bytes, FRONT + n);
}

#define RECORDS "\3abcdefghijkl\11mnopqrstuvwx"
#define TWO     "\1\2abcdefgh\3\4ijklmnop"

void fuzz_make_seeds(void)
{
  size_t n;
  const void *packed = input_gzip(RECORDS, sizeof RECORDS - 1, &n);
  seed("packed", "\2\1\0\2\2\3", packed, n);
  seed("planes", "\2\1\0\2\2\3", RECORDS, sizeof RECORDS - 1);
  seed("pixels", "\14\1\0\1\4\3", RECORDS, sizeof RECORDS - 1);
  seed("two-bytes", "\3\2\1\1\1\11", "ab123456789cd123456789", 22);
  seed("two-labels", "\22\2\1\1\1\11", TWO, sizeof TWO - 1);
  seed("no-label", "\0\0\0\1\1\1", "abcdefgh", 8);
}

static void set(void *params, const char *name, int64_t value)
{
  *(int64_t *)input_param(def, params, name) = value;
}

static void set_list(void *params, const char *name, const void *items, int64_t n)
{
  *(fmp_list *)input_param(def, params, name) = (fmp_list){items, n};
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  void *params = input_params(def);
  const char *names[2];
  static const char *const labels[] = {"first", "second"};
  if (n < FRONT) return;
  names[0] = names[1] = input_file(0, bytes + FRONT, n - FRONT, bytes[0] & PACK);
  const int64_t classes = bytes[0] & CLASSES ? 10 : 0, n_labels = bytes[0] & LABELS ? 2 : 1;
  const int64_t index[] = {bytes[2], bytes[2] / 2};
  set_list(params, "files", names, bytes[0] & TWICE ? 2 : 1);
  set_list(params, "labels", labels, n_labels);
  set_list(params, "label_index", index, n_labels);
  set_list(params, "classes", &classes, 1);
  *(const char **)input_param(def, params, "order") = bytes[0] & PIXELS ? "hwc" : "chw";
  set(params, "label_bytes", bytes[1]);
  set(params, "height", 1 + bytes[3] % 8);
  set(params, "width", 1 + bytes[4] % 8);
  set(params, "channels", 1 + bytes[5] % 8);
  input_open_and_read(def, params);
}
