/* SPDX-License-Identifier: Apache-2.0
 * kit/philox.h: the published known answers of Philox4x32-10 (Random123's kat_vectors),
 * and the helpers that stand on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "fmp/kit/philox.h"

typedef struct known_answer {
  uint32_t counter[4];
  fmp_philox_key key;
  uint32_t expected[4];
} known_answer;

static const known_answer answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void gives_the_known_answers(void **state)
{
  (void)state;
  for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
    uint32_t c[4] = {answers[i].counter[0], answers[i].counter[1], answers[i].counter[2],
                     answers[i].counter[3]};
    fmp_philox_10(c, answers[i].key);
    for (int k = 0; k < 4; k++) assert_int_equal(c[k], answers[i].expected[k]);
  }
}

/* The counter is block, sample, low and high half of the step. */
static void puts_the_counter_in_order(void **state)
{
  uint32_t out[4];
  (void)state;
  fmp_philox(answers[2].key, 0x0370734413198a2eu, 0x85a308d3, 0x243f6a88, out);
  for (int k = 0; k < 4; k++) assert_int_equal(out[k], answers[2].expected[k]);
}

static void keys_depend_on_seed_and_node(void **state)
{
  const fmp_philox_key a = fmp_philox_key_of(1, 2);
  const fmp_philox_key pairs[] = {fmp_philox_key_of(2, 1), fmp_philox_key_of(1, 3),
                                  fmp_philox_key_of(0, 2), fmp_philox_key_of(3, 0)};
  (void)state;
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
    assert_true(a.k0 != pairs[i].k0 || a.k1 != pairs[i].k1);
}

/* The ends of each range, where rounding would show. */
static void uniforms_stay_below_one(void **state)
{
  (void)state;
  assert_true(fmp_uniform_f32(0) == 0.0f);
  assert_true(fmp_uniform_f32(UINT32_MAX) == 1.0f - 0x1p-24f);
  assert_true(fmp_uniform_f64(0, 0) == 0.0);
  assert_true(fmp_uniform_f64(UINT32_MAX, UINT32_MAX) == 1.0 - 0x1p-53);
  assert_true(fmp_uniform_f64(0x80000000u, 0) == 0.5);
}

static void integers_stay_below_n(void **state)
{
  const uint32_t ns[] = {1, 2, 3, 10, 1000003, UINT32_MAX};
  (void)state;
  for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
    assert_int_equal(fmp_uniform_below(0, 0, ns[i]), 0);
    assert_int_equal(fmp_uniform_below(UINT32_MAX, UINT32_MAX, ns[i]), ns[i] - 1);
  }
  assert_int_equal(fmp_uniform_below(0x7fffffff, UINT32_MAX, 10), 4);
  assert_int_equal(fmp_uniform_below(0x80000000u, 0, 10), 5);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_known_answers),      cmocka_unit_test(puts_the_counter_in_order),
      cmocka_unit_test(keys_depend_on_seed_and_node), cmocka_unit_test(uniforms_stay_below_one),
      cmocka_unit_test(integers_stay_below_n),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
