/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing safetensors files. A tensor goes through host memory of its own size, one at
 * a time, whatever device it is on. */
#include "file/safetensors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/aside.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "define/spec.h"

/* Tensors travel between file and memory as they are; only the length is put together by hand. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file's numbers are little-endian");

enum { LENGTH_BYTES = 8, ALIGNMENT = 8, LONGEST_HEADER = 100000000 };

static const char metadata_key[] = "__metadata__";

/* The format's names of our types; it has others, which are refused. */
static const char *const dtype_names[FMP_DTYPE_COUNT] = {
    [FMP_F32] = "F32", [FMP_F64] = "F64", [FMP_BF16] = "BF16", [FMP_F16] = "F16",
    [FMP_U8] = "U8",   [FMP_I32] = "I32", [FMP_I64] = "I64"};

/* -- reading: the header --------------------------------------------------- */

/* The length decides how much is allocated next, so it is bounded twice: by the file's own size,
 * and by what the format allows. */
static fmp_status read_length(fmp__safetensors *s, int64_t *length)
{
  unsigned char bytes[LENGTH_BYTES];
  uint64_t n = 0;
  if (s->size < LENGTH_BYTES)
    return fmp__fail(FMP_EDATA, "expected a header's length in 8 bytes, got a file of %" PRId64,
                     s->size);
  FMP_TRY(fmp__file_read(s->file, 0, bytes, LENGTH_BYTES));
  for (int i = LENGTH_BYTES; i-- > 0;) n = n << 8 | bytes[i];
  const uint64_t most = (uint64_t)(s->size - LENGTH_BYTES);
  if (n < 2 || n > most || n > LONGEST_HEADER)
    return fmp__fail(FMP_EDATA, "expected a header of 2 to %" PRIu64 " bytes, got %" PRIu64,
                     most < LONGEST_HEADER ? most : LONGEST_HEADER, n);
  *length = (int64_t)n;
  s->data_start = LENGTH_BYTES + *length;
  return FMP_OK;
}

/* The format wants '{' as the first byte, so that white space cannot hide in front. */
static fmp_status read_header(fmp__safetensors *s)
{
  int64_t length = 0;
  FMP_TRY(read_length(s, &length));
  char *text = fmp__alloc((size_t)length);
  if (!text) return fmp__no_memory("a file's header");
  fmp_status status = fmp__file_read(s->file, LENGTH_BYTES, text, length);
  if (status == FMP_OK && text[0] != '{')
    status = fmp__fail(FMP_EDATA, "expected a header that begins with '{'");
  if (status == FMP_OK) status = fmp__json_parse(text, (size_t)length, &s->header);
  fmp__free(text);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "header");
}

/* The format allows texts alone, and fmp__safetensors_metadata counts on that. */
static fmp_status check_metadata(const fmp__safetensors *s)
{
  const char *key;
  json_t *metadata = json_object_get(s->header, metadata_key), *value;
  if (!metadata) return FMP_OK;
  FMP_TRY(fmp__json_get(s->header, metadata_key, JSON_OBJECT, &metadata));
  json_object_foreach(metadata, key, value)
  {
    if (!json_is_string(value)) return fmp__fail(FMP_EDATA, "metadata '%s': expected a text", key);
  }
  return FMP_OK;
}

/* Types of the format that the engine lacks (F8, I16 ...) are refused by name. */
static fmp_status find_dtype(const char *name, uint32_t *dtype)
{
  for (uint32_t i = 1; i < FMP_DTYPE_COUNT; i++)
    if (strcmp(dtype_names[i], name) == 0) {
      *dtype = i;
      return FMP_OK;
    }
  return fmp__fail(FMP_EDATA, "expected F32, F64, BF16, F16, U8, I32 or I64 as dtype, got '%s'",
                   name);
}

/* Both are bounded by the bytes that the file really has behind its header. */
static fmp_status get_offsets(const json_t *entry, int64_t most, fmp__stored *stored)
{
  json_t *offsets;
  FMP_TRY(fmp__json_get(entry, "data_offsets", JSON_ARRAY, &offsets));
  if (json_array_size(offsets) != 2)
    return fmp__fail(FMP_EDATA, "expected 2 data_offsets, got %zu", json_array_size(offsets));
  FMP_TRY(fmp__json_number(json_array_get(offsets, 0), most, &stored->begin));
  return fmp__json_number(json_array_get(offsets, 1), most, &stored->end);
}

/* `end - begin` cannot overflow, since both are between 0 and the size of the file; and a begin
 * beyond end gives a negative size, which no spec has. */
static fmp_status get_stored(const fmp__safetensors *s, const json_t *entry, fmp__stored *stored)
{
  const char *dtype;
  char text[FMP_SPEC_TEXT];
  FMP_TRY(fmp__json_get_text(entry, "dtype", &dtype));
  FMP_TRY(find_dtype(dtype, &stored->spec.dtype));
  FMP_TRY(fmp__json_get_shape(entry, &stored->spec));
  if (fmp__spec_check(&stored->spec) != FMP_OK) return FMP_EDATA;
  FMP_TRY(get_offsets(entry, s->size - s->data_start, stored));
  if (stored->end - stored->begin == fmp__spec_bytes(&stored->spec)) return FMP_OK;
  return fmp__fail(FMP_EDATA,
                   "expected %" PRId64 " bytes for %s, got offsets %" PRId64 " to %" PRId64,
                   fmp__spec_bytes(&stored->spec), fmp_spec_text(&stored->spec, text),
                   stored->begin, stored->end);
}

/* One more than needed, so that a header without tensors allocates something. */
static fmp_status list_tensors(fmp__safetensors *s)
{
  const char *name;
  json_t *entry;
  s->tensors = fmp__alloc_zeroed(json_object_size(s->header) + 1, sizeof *s->tensors);
  if (!s->tensors) return fmp__no_memory("a list of tensors");
  json_object_foreach(s->header, name, entry)
  {
    if (strcmp(name, metadata_key) == 0) continue;
    s->tensors[s->n].name = name;
    const fmp_status status = get_stored(s, entry, &s->tensors[s->n++]);
    if (status != FMP_OK) return fmp__fail_in(status, "tensor '%s'", name);
  }
  return FMP_OK;
}

/* -- reading: the whole ---------------------------------------------------- */

/* An empty tensor comes before the one that begins at the same place. */
static int by_place(const void *a, const void *b)
{
  const fmp__stored *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
  return strcmp(((const fmp__stored *)a)->name, ((const fmp__stored *)b)->name);
}

/* In order of place each tensor must begin where the one before it ended, and the last must end
 * with the file. That is all there is to check: sizes have been compared with shapes. */
static fmp_status check_coverage(fmp__safetensors *s)
{
  int64_t at = 0;
  qsort(s->tensors, s->n, sizeof *s->tensors, by_place);
  for (uint32_t i = 0; i < s->n; i++) {
    if (s->tensors[i].begin != at)
      return fmp__fail(FMP_EDATA, "tensor '%s': expected it at offset %" PRId64 ", got %" PRId64,
                       s->tensors[i].name, at, s->tensors[i].begin);
    at = s->tensors[i].end;
  }
  if (at == s->size - s->data_start) return FMP_OK;
  return fmp__fail(FMP_EDATA, "expected %" PRId64 " bytes of tensors, got %" PRId64, at,
                   s->size - s->data_start);
}

/* Sorted by place for the check, and by name from then on, for bsearch. */
fmp_status fmp__safetensors_open(const char *path, fmp__safetensors *s)
{
  *s = (fmp__safetensors){.file = -1};
  fmp_status status = fmp__file_open(path, &s->file, &s->size);
  if (status == FMP_OK) status = read_header(s);
  if (status == FMP_OK) status = check_metadata(s);
  if (status == FMP_OK) status = list_tensors(s);
  if (status == FMP_OK) status = check_coverage(s);
  if (status == FMP_OK) qsort(s->tensors, s->n, sizeof *s->tensors, by_name);
  if (status != FMP_OK) fmp__safetensors_close(s);
  return status;
}

void fmp__safetensors_close(fmp__safetensors *s)
{
  fmp__file_close(s->file);
  fmp__free(s->tensors);
  json_decref(s->header);
  *s = (fmp__safetensors){.file = -1};
}

/* jansson's getters take NULL, so a missing table and a missing key are one case. */
const char *fmp__safetensors_metadata(const fmp__safetensors *s, const char *key)
{
  return json_string_value(json_object_get(json_object_get(s->header, metadata_key), key));
}

/* By bisection: a graph may capture thousands of tensors, each of which is looked for. */
const fmp__stored *fmp__safetensors_find(const fmp__safetensors *s, const char *name)
{
  const fmp__stored wanted = {.name = name};
  return bsearch(&wanted, s->tensors, s->n, sizeof *s->tensors, by_name);
}

/* A file that has been cut since it was opened fails here (fmp__file_read). */
fmp_status fmp__safetensors_read(const fmp__safetensors *s, const fmp__stored *stored,
                                 fmp_device *device, fmp_tensor **t)
{
  const int64_t bytes = stored->end - stored->begin;
  void *staging = fmp__alloc((size_t)bytes + 1);
  if (!staging) return fmp__no_memory("a tensor of a file");
  fmp_status status = fmp__file_read(s->file, s->data_start + stored->begin, staging, bytes);
  if (status == FMP_OK) status = fmp_tensor_from(device, &stored->spec, staging, bytes, t);
  fmp__free(staging);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "tensor '%s'", stored->name);
}

/* -- writing: the header --------------------------------------------------- */

/* No two names are equal, so the order is total. */
static int by_size_and_name(const void *a, const void *b)
{
  const fmp__named_tensor *x = a, *y = b;
  const int64_t p = fmp_dtype_size(x->tensor->spec.dtype);
  const int64_t q = fmp_dtype_size(y->tensor->spec.dtype);
  if (p != q) return p > q ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* An empty array for rank 0, as the format has it. */
static json_t *shape_json(const fmp_spec *spec)
{
  json_t *shape = json_array();
  int failed = !shape;
  for (uint32_t i = 0; i < spec->rank; i++)
    failed |= fmp__json_add(shape, json_integer(spec->shape[i]));
  return fmp__json_whole(shape, failed);
}

/* Writes where the tensor will lie, and moves *offset behind it. */
static json_t *entry_json(const fmp_spec *spec, int64_t *offset)
{
  json_t *entry = json_object(), *offsets = json_array();
  int failed = fmp__json_add(offsets, json_integer(*offset));
  *offset += fmp__spec_bytes(spec);
  failed |= fmp__json_add(offsets, json_integer(*offset));
  failed |= fmp__json_set(entry, "dtype", json_string(dtype_names[spec->dtype]));
  failed |= fmp__json_set(entry, "shape", shape_json(spec));
  failed |= fmp__json_set(entry, "data_offsets", offsets);
  return fmp__json_whole(entry, failed);
}

/* The header is complete before the first byte is written: it needs the order of the tensors and
 * nothing else. A name that is not UTF-8 is the only thing beside memory that can fail. */
static fmp_status build_header(const json_t *metadata, const fmp__named_tensor *tensors, uint32_t n,
                               json_t **header)
{
  int64_t offset = 0;
  json_t *made = json_object();
  if (fmp__json_set(made, metadata_key, json_deep_copy(metadata))) {
    json_decref(made);
    return fmp__no_memory("a file's header");
  }
  for (uint32_t i = 0; i < n; i++)
    if (fmp__json_set(made, tensors[i].name, entry_json(&tensors[i].tensor->spec, &offset))) {
      json_decref(made);
      return fmp__fail(FMP_EINVAL, "expected a tensor's name in UTF-8, got '%s'", tensors[i].name);
    }
  *header = made;
  return FMP_OK;
}

/* -- writing: the file ----------------------------------------------------- */

static fmp_status put(fmp__aside *a, const void *bytes, size_t n)
{
  return fmp__aside_write(a, bytes, n) == 0 ? FMP_OK : fmp__fail(FMP_EIO, "%s", a->why);
}

/* Filled up with spaces to a multiple of 8, so that all tensors are aligned in the file. */
static fmp_status write_header(fmp__aside *a, const char *text, size_t n)
{
  static const char spaces[ALIGNMENT + 1] = "        ";
  unsigned char length[LENGTH_BYTES];
  const size_t padding = (ALIGNMENT - n % ALIGNMENT) % ALIGNMENT;
  const uint64_t whole = n + padding;
  if (whole > LONGEST_HEADER)
    return fmp__fail(FMP_EUNSUPPORTED, "expected a header of at most %d bytes, got %" PRIu64,
                     (int)LONGEST_HEADER, whole);
  for (int i = 0; i < LENGTH_BYTES; i++) length[i] = (unsigned char)(whole >> (8 * i));
  FMP_TRY(put(a, length, sizeof length));
  FMP_TRY(put(a, text, n));
  return put(a, spaces, padding);
}

/* Strided tensors and those of devices are read through fmp_tensor_read, which makes them
 * contiguous. */
static fmp_status write_tensor(fmp__aside *a, const fmp__named_tensor *t)
{
  const int64_t bytes = fmp__spec_bytes(&t->tensor->spec);
  FMP_TRY(fmp__check_interrupt());
  void *staging = fmp__alloc((size_t)bytes + 1);
  if (!staging) return fmp__no_memory("a tensor for a file");
  fmp_status status = fmp_tensor_read(t->tensor, staging, bytes);
  if (status != FMP_OK) status = fmp__fail_in(status, "tensor '%s'", t->name);
  if (status == FMP_OK) status = put(a, staging, (size_t)bytes);
  fmp__free(staging);
  return status;
}

/* Whatever fails before the commit leaves the old file as it was (aside.h). */
static fmp_status write_file(const char *path, const char *header, size_t length,
                             const fmp__named_tensor *tensors, uint32_t n)
{
  fmp__aside aside;
  if (fmp__aside_open(path, 0666, &aside) != 0) return fmp__fail(FMP_EIO, "%s", aside.why);
  fmp_status status = write_header(&aside, header, length);
  for (uint32_t i = 0; i < n && status == FMP_OK; i++) status = write_tensor(&aside, &tensors[i]);
  if (status != FMP_OK)
    fmp__aside_discard(&aside);
  else if (fmp__aside_commit(&aside) != 0)
    status = fmp__fail(FMP_EIO, "%s", aside.why);
  return status;
}

/* The order of the tensors decides their offsets, so it comes first. */
fmp_status fmp__safetensors_write(const char *path, const json_t *metadata,
                                  fmp__named_tensor *tensors, uint32_t n)
{
  json_t *header = NULL;
  char *text = NULL;
  size_t length = 0;
  qsort(tensors, n, sizeof *tensors, by_size_and_name);
  FMP_TRY(build_header(metadata, tensors, n, &header));
  fmp_status status = fmp__json_write(header, &text, &length);
  json_decref(header);
  if (status == FMP_OK) status = write_file(path, text, length, tensors, n);
  fmp__free(text);
  return status;
}
