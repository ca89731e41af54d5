/* SPDX-License-Identifier: Apache-2.0
 * Files of measured choices. */
#include <string.h>

#include "kernel/choices.h"
#include "base/status.h"
#include "fmp/api.h"
#include "fuzz.h"

void fuzz_start(void) {}

static const char *const seeds[] = {
    "{\"fmp_kernels\":1,\"choices\":{}}",
    "{\"fmp_kernels\":1,\"choices\":{\"k\":\"ref\",\"conv2d{} (f32[1,2]) -> () on cpu:0\":\"a\"}}",
    "{ \"fmp_kernels\" : 1 , \"choices\" : { \"k\" : \"\\u00e9\\\"\\\\\" } }",
    "{\"fmp_kernels\":2,\"choices\":{\"k\":1}}",
    "{\"fmp_kernels\":1,\"choices\":{\"k\":[[[[[[]]]]]]}}",
};

void fuzz_make_seeds(void)
{
  static const char *const names[] = {"empty", "two", "spaces", "version", "nested"};
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
    fuzz_seed(names[i], seeds[i], strlen(seeds[i]));
}

void fuzz_one(const uint8_t *bytes, size_t n)
{
  const int64_t before = fmp_live_bytes();
  const fmp_status status = fmp_autotune(fuzz_file(0, bytes, n));
  fmp__text name = {0};
  FUZZ_REQUIRE(status == FMP_OK || *fmp_last_error(), "no text");
  fmp__choices_find("k", &name);
  FUZZ_REQUIRE(!name.bytes || strlen(name.bytes) < n, "a name that is not in the file");
  fmp__text_free(&name);
  if (fmp_autotune(NULL) != FMP_OK) fuzz_fail(fmp_last_error());
  FUZZ_REQUIRE(fmp_live_bytes() == before, "memory is held");
}
