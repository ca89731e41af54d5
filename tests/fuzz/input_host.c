/* SPDX-License-Identifier: Apache-2.0 */
#include "input_host.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "fuzz.h"

static _Thread_local char text[1024];
static atomic_long held;
static const fmp_resource_def *registered;
static unsigned char sink[1024];
static size_t sunk;

static fmp_status keep_text(fmp_status code, const char *format, ...)
{
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return code;
}

/* More than any of these inputs needs cannot be allocated. */
static void *allocate(size_t bytes)
{
  const size_t most = (size_t)1 << 27;
  void *memory = bytes > most ? NULL : malloc(bytes + 1);
  held += memory != NULL;
  return memory;
}

static void release(void *memory)
{
  held -= memory != NULL;
  free(memory);
}

static fmp_status add_resource(fmp_registry *r, const fmp_resource_def *def)
{
  (void)r;
  registered = def;
  return FMP_OK;
}

static fmp_status add_op(fmp_registry *r, const fmp_op_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

static fmp_status add_kernel(fmp_registry *r, const fmp_kernel_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

/* A resource is its state. */
static void *resource_state(const fmp_resource *r, const char *name)
{
  (void)name;
  return (void *)(uintptr_t)r;
}

static fmp_status sink_write(fmp_sink *s, const void *bytes, size_t n)
{
  (void)s;
  FUZZ_REQUIRE(n <= sizeof sink - sunk, "much was saved");
  memcpy(sink + sunk, bytes, n);
  sunk += n;
  return FMP_OK;
}

static fmp_status check_interrupt(void) { return FMP_OK; }

static const char *spec_text(const fmp_spec *spec, char *out)
{
  snprintf(out, FMP_SPEC_TEXT, "type %u, rank %u", spec->dtype, spec->rank);
  return out;
}

const fmp_host *input_host(void)
{
  static const fmp_host host = {.struct_size = sizeof host,
                                .fail = keep_text,
                                .alloc = allocate,
                                .free = release,
                                .spec_text = spec_text,
                                .add_op = add_op,
                                .add_kernel = add_kernel,
                                .add_resource = add_resource,
                                .resource_state = resource_state,
                                .sink_write = sink_write,
                                .check_interrupt = check_interrupt};
  return &host;
}

const char *input_text(void) { return text; }

const fmp_resource_def *input_def(input_register reg)
{
  registered = NULL;
  FUZZ_REQUIRE(reg(input_host(), NULL) == FMP_OK && registered, "nothing was registered");
  return registered;
}

void *input_params(const fmp_resource_def *def)
{
  static _Alignas(16) unsigned char params[1024];
  FUZZ_REQUIRE(def->params_size <= sizeof params, "there are many attributes");
  memset(params, 0, sizeof params);
  return params;
}

void *input_param(const fmp_resource_def *def, void *params, const char *name)
{
  for (uint32_t i = 0; i < def->n_attr; i++)
    if (strcmp(def->attrs[i].name, name) == 0) return (char *)params + def->attrs[i].offset;
  fuzz_fail(name);
}

const void *input_saved(size_t *n)
{
  *n = sunk;
  sunk = 0;
  return sink;
}

const void *input_gzip(const void *bytes, size_t n, size_t *packed)
{
  static unsigned char out[1 << 17];
  z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};
  z.next_out = out;
  z.avail_out = sizeof out;
  FUZZ_REQUIRE(deflateInit2(&z, 1, Z_DEFLATED, 9 + 16, 1, 0) == Z_OK &&
                   deflate(&z, Z_FINISH) == Z_STREAM_END,
               "gzip fails");
  *packed = sizeof out - z.avail_out;
  deflateEnd(&z);
  return out;
}

const char *input_file(int number, const uint8_t *bytes, size_t n, int pack)
{
  size_t packed;
  if (!pack || n > 1 << 16) return fuzz_file(number, bytes, n);
  const void *gzip = input_gzip(bytes, n, &packed);
  return fuzz_file(number, gzip, packed);
}

/* Example i, of which every byte is written. */
static void read_one(const fmp_source_copy *s, int64_t i, void *scratch)
{
  static uint8_t bytes[FMP_SOURCE_MAX_FIELDS][1 << 16];
  void *data[FMP_SOURCE_MAX_FIELDS];
  fmp_spec specs[FMP_SOURCE_MAX_FIELDS];
  char why[FMP_SOURCE_WHY];
  fmp_example e = {.struct_size = sizeof e, .index = i, .specs = specs};
  e.scratch = scratch;
  e.why = why;
  FUZZ_REQUIRE(fmp_source_shape(input_host(), s, &e) == FMP_OK, why);
  for (uint32_t k = 0; k < s->about.n_fields; k++) {
    FUZZ_REQUIRE(fmp_source_bytes(&specs[k]) <= (int64_t)sizeof bytes[k], "a large example");
    data[k] = bytes[k];
  }
  e.data = data;
  FUZZ_REQUIRE(fmp_source_read(s, &e) == FMP_OK, why);
  for (uint32_t k = 1; k < s->about.n_fields; k++) {
    int32_t label;
    memcpy(&label, bytes[k], sizeof label);
    FUZZ_REQUIRE(label >= 0 && label < 256, "a label that is none");
  }
}

static void read_all(const fmp_source *source)
{
  enum { MOST_READ = 64, ALIGNMENT = 64 };
  fmp_source_copy s;
  FUZZ_REQUIRE(fmp_source_check(input_host(), source, &s) == FMP_OK, text);
  const size_t room = ((size_t)s.about.scratch_bytes / ALIGNMENT + 1) * ALIGNMENT;
  void *scratch = aligned_alloc(ALIGNMENT, room);
  FUZZ_REQUIRE(scratch, "no memory");
  for (int64_t i = 0; i < s.about.count && i < MOST_READ; i++) read_one(&s, i, scratch);
  free(scratch);
}

void input_open_and_read(const fmp_resource_def *def, const void *params)
{
  void *state = NULL;
  const fmp_resource_args opening = input_args(params, NULL);
  if (def->open(&opening, &state) == FMP_OK) {
    const fmp_resource_args closing = input_args(params, state);
    read_all(state);
    def->close(&closing);
  } else {
    FUZZ_REQUIRE(*text, "no text");
  }
  FUZZ_REQUIRE(held == 0, "memory is held");
}
