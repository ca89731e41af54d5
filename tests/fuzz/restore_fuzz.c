/* SPDX-License-Identifier: Apache-2.0
 * Saved positions of a queue: what is restored is saved again as the same bytes, and gives the
 * batch of that position; what is refused changes nothing. */
#include <string.h>

#include "../../plugins/input/batch_queue/batch_queue.h"
#include "fuzz.h"
#include "input_host.h"

enum { COUNT = 7, BATCH = 3, BYTES = 64 };

static const fmp_resource_def *def;
static void *queue;

/* Each of them has its number, twice. */
static const fmp_field fields[] = {{sizeof(fmp_field), "byte", {.dtype = FMP_U8}, NULL},
                                   {sizeof(fmp_field), "number", {.dtype = FMP_I32}, NULL}};

static fmp_status read_number(const fmp_source *s, const fmp_example *e)
{
  (void)s;
  *(uint8_t *)e->data[0] = (uint8_t)e->index;
  *(int32_t *)e->data[1] = (int32_t)e->index;
  return FMP_OK;
}

/* One number for all images. */
static void set_number(void *params, const char *name, const void *number)
{
  *(fmp_list *)input_param(def, params, name) = (fmp_list){number, 1};
}

static fmp_status open_queue(const void *params)
{
  const fmp_resource_args args = input_args(params, NULL);
  return def->open(&args, &queue);
}

static fmp_status save_queue(void)
{
  const fmp_resource_args args = input_args(NULL, queue);
  return def->save(&args, NULL);
}

static fmp_status restore_queue(const uint8_t *bytes, size_t n)
{
  const fmp_resource_args args = input_args(NULL, queue);
  return def->restore(&args, bytes, n);
}

void fuzz_start(void)
{
  static const fmp_source source = {.struct_size = sizeof source,
                                    .field_size = sizeof(fmp_field),
                                    .count = COUNT,
                                    .n_fields = 2,
                                    .fields = fields,
                                    .read = read_number};
  static const double zero = 0, one = 1;
  static const int64_t none = 0;
  static const uint32_t u8 = FMP_U8;
  def = input_def(batch_queue_register);
  void *params = input_params(def);
  *(fmp_resource **)input_param(def, params, "source") = (fmp_resource *)(uintptr_t)&source;
  *(int64_t *)input_param(def, params, "batch") = BATCH;
  *(int64_t *)input_param(def, params, "threads") = 1;
  *(int32_t *)input_param(def, params, "shuffle") = 1;
  set_number(params, "dtype", &u8);
  set_number(params, "scale", &one);
  set_number(params, "shift", &zero);
  set_number(params, "stretch", &zero);
  set_number(params, "flip", &zero);
  set_number(params, "skew", &zero);
  set_number(params, "translate", &none);
  FUZZ_REQUIRE(open_queue(params) == FMP_OK, input_text());
}

static const void *save(void)
{
  size_t n;
  FUZZ_REQUIRE(save_queue() == FMP_OK, input_text());
  const void *bytes = input_saved(&n);
  FUZZ_REQUIRE(n == BYTES, "a position of another size");
  return bytes;
}

void fuzz_make_seeds(void)
{
  const struct position p[] = {{0, 0, 0}, {5, 1, 2}, {UINT64_MAX, 1LL << 52, 1}};
  static const char *const names[] = {"first", "middle", "far"};
  for (int i = 0; i < 3; i++) {
    queue_move(queue, &p[i]);
    fuzz_seed(names[i], save(), BYTES);
  }
}

static void check_batch(void)
{
  uint8_t x[BATCH];
  int32_t y[BATCH];
  void *const out[FMP_SOURCE_MAX_FIELDS] = {x, y};
  const struct position p = queue_position(queue);
  const int64_t rows = queue_rows(queue, &p);
  FUZZ_REQUIRE(rows >= 1 && rows <= BATCH, "a batch of another size");
  FUZZ_REQUIRE(queue_take(queue, rows, out) == FMP_OK, input_text());
  for (int64_t i = 0; i < rows; i++)
    FUZZ_REQUIRE(x[i] == y[i] && y[i] < COUNT, "an example that there is not");
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  uint8_t before[BYTES];
  memcpy(before, save(), BYTES);
  if (restore_queue(bytes, n) == FMP_OK) {
    FUZZ_REQUIRE(n == BYTES && memcmp(save(), bytes, BYTES) == 0, "another position");
    check_batch();
  } else {
    FUZZ_REQUIRE(*input_text() && memcmp(save(), before, BYTES) == 0, "a refusal moves the queue");
  }
}
