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

static fmp_status read_number(const fmp_source *s, int64_t i, uint8_t *scratch, uint8_t *pixels,
                              int32_t *label, fmp_failure *why)
{
  (void)s, (void)scratch, (void)why;
  *pixels = (uint8_t)i;
  *label = (int32_t)i;
  return FMP_OK;
}

void fuzz_start(void)
{
  static fmp_source source = {.struct_size = sizeof source,
                              .count = COUNT,
                              .height = 1,
                              .width = 1,
                              .channels = 1,
                              .read = read_number};
  def = input_def(batch_queue_register);
  void *params = input_params(def);
  *(fmp_resource **)input_param(def, params, "source") = (fmp_resource *)(void *)&source;
  *(int64_t *)input_param(def, params, "batch") = BATCH;
  *(int64_t *)input_param(def, params, "threads") = 1;
  *(int32_t *)input_param(def, params, "shuffle") = 1;
  *(uint32_t *)input_param(def, params, "dtype") = FMP_U8;
  *(double *)input_param(def, params, "scale") = 1;
  FUZZ_REQUIRE(def->open(input_host(), params, &queue) == FMP_OK, input_text());
}

static const void *save(void)
{
  size_t n;
  FUZZ_REQUIRE(def->save(input_host(), queue, NULL) == FMP_OK, input_text());
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
  const struct position p = queue_position(queue);
  const int64_t rows = queue_rows(queue, &p);
  FUZZ_REQUIRE(rows >= 1 && rows <= BATCH, "a batch of another size");
  FUZZ_REQUIRE(queue_take(queue, rows, x, y) == FMP_OK, input_text());
  for (int64_t i = 0; i < rows; i++)
    FUZZ_REQUIRE(x[i] == y[i] && y[i] < COUNT, "an example that there is not");
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  uint8_t before[BYTES];
  memcpy(before, save(), BYTES);
  if (def->restore(input_host(), queue, bytes, n) == FMP_OK) {
    FUZZ_REQUIRE(n == BYTES && memcmp(save(), bytes, BYTES) == 0, "another position");
    check_batch();
  } else {
    FUZZ_REQUIRE(*input_text() && memcmp(save(), before, BYTES) == 0, "a refusal moves the queue");
  }
}
