/* SPDX-License-Identifier: Apache-2.0
 * fmp_regions on a wide grid: every out <= in up to 100, a thousand draws each, in all its
 * modes. One call draws for a thousand samples; columns take the sizes in another order, so
 * that one call serves two cases. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST = 100, DRAWS = 1000, POOL = 2, ATTRS = 6 };

struct mode {
  const char *mode, *window, *sequence;
};

static const struct mode modes[] = {
    {"random", "boundaries", "tensorflow"},  {"pseudorandom", "boundaries", "tensorflow"},
    {"pseudorandom", "boundaries", "paper"}, {"pseudorandom", "boundaries", "graham"},
    {"random", "fixed", "tensorflow"},       {"pseudorandom", "fixed", "tensorflow"},
};

/* One axis: `steps` steps lead from 0 to `length`. */
struct walk {
  int in, out, steps, length;
};

static int is_fixed(const struct mode *m) { return strcmp(m->window, "fixed") == 0; }

static struct walk walk_of(const struct mode *m, int in, int out)
{
  const int pool = is_fixed(m) ? POOL : 0;
  return (struct walk){in, out, pool ? out - 1 : out, in - pool};
}

/* Positions p[0..steps] start at 0, end at the length and rise by its share of the way,
 * rounded down, or one more. So boundaries are monotone and their windows cover all; fixed
 * windows lie in the image, the last at its end. */
static int is_legal(const struct walk *w, const int32_t *p)
{
  if (w->steps == 0) return p[0] == w->length;
  const int least = w->length / w->steps;
  int legal = p[0] == 0 && p[w->steps] == w->length;
  for (int i = 1; i <= w->steps; i++) {
    const int step = p[i] - p[i - 1];
    legal &= step == least || step == least + 1;
  }
  return legal;
}

static void check_sequences(const struct mode *m, const struct walk *w, const fmp_tensor *t)
{
  static int32_t positions[DRAWS * (LARGEST + 1)];
  const int length = w->steps + 1;
  fmp_spec spec;
  fmp_tensor_spec(t, &spec);
  assert_int_equal(spec.shape[0], DRAWS);
  assert_int_equal(spec.shape[1], length);
  OK(fmp_tensor_read(t, positions, (int64_t)sizeof(int32_t) * DRAWS * length));
  for (int s = 0; s < DRAWS; s++) {
    if (is_legal(w, positions + s * length)) continue;
    print_error("%s %s %s, %d -> %d: draw %d is not legal\n", m->mode, m->window, m->sequence,
                w->in, w->out, s);
    fail();
  }
}

static void draw(const struct mode *m, const struct walk *rows, const struct walk *cols)
{
  const int64_t out[2] = {rows->out, cols->out};
  const fmp_attr attrs[ATTRS] = {
      fmp_attr_i64s("out", out, 2),         fmp_attr_string("mode", m->mode),
      fmp_attr_string("window", m->window), fmp_attr_string("sequence", m->sequence),
      fmp_attr_i64("pool", POOL),           fmp_attr_string("per", "sample"),
  };
  const fmp_spec image = spec_of(FMP_U8, 4, (const int64_t[]){DRAWS, rows->in, cols->in, 1});
  fmp_tensor *x = NULL, *sequences[2] = {NULL, NULL};
  OK(fmp_tensor_new(NULL, &image, &x)); /* never read, so its memory is never touched */
  OK(fmp_emit(op("fmp_regions"), attrs, ATTRS, &x, 1, sequences, 2));
  check_sequences(m, rows, sequences[0]);
  check_sequences(m, cols, sequences[1]);
  drop(3, x, sequences[0], sequences[1]);
}

/* All windows have at most 256 elements: those that are too high go with width 1. */
static int fits(const struct mode *m, const struct walk *rows, const struct walk *cols)
{
  const int height = (rows->in + rows->out - 1) / rows->out;
  const int width = (cols->in + cols->out - 1) / cols->out;
  return is_fixed(m) || height * width <= 256;
}

/* Rows in -> out beside columns in -> in + 1 - out; apart where both do not fit together. */
static void draw_pair(const struct mode *m, int in, int out)
{
  const int most = is_fixed(m) ? in - POOL + 1 : in;
  const struct walk rows = walk_of(m, in, out), cols = walk_of(m, in, most + 1 - out);
  const struct walk none = walk_of(m, POOL, 1);
  if (fits(m, &rows, &cols)) {
    draw(m, &rows, &cols);
  } else {
    draw(m, &rows, &none);
    draw(m, &cols, &none);
  }
}

static void every_draw_is_legal(void **state)
{
  fmp_device *device;
  int32_t before, now;
  (void)state;
  OK(fmp_device_default(&device));
  OK(fmp_device_threads(device, 0, &before));
  OK(fmp_device_threads(device, 1, &now)); /* others would wait most of the time, busily */
  fmp_random_seed(1);
  for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++)
    for (int in = is_fixed(&modes[m]) ? POOL : 1; in <= LARGEST; in++) {
      const int most = is_fixed(&modes[m]) ? in - POOL + 1 : in;
      for (int out = 1; 2 * out <= most + 1; out++) draw_pair(&modes[m], in, out);
    }
  OK(fmp_device_threads(device, before, &now));
}

int main(void)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_draw_is_legal)};
  return cmocka_run_group_tests(tests, load_plugins, NULL);
}
