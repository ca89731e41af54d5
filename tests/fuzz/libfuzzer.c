/* SPDX-License-Identifier: Apache-2.0
 * A harness under libFuzzer. With FMP_FUZZ_SEEDS=DIRECTORY it writes its seeds there and ends. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void write_seed(const char *name, const uint8_t *bytes, size_t n)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", getenv("FMP_FUZZ_SEEDS"), name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0) fuzz_fail(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  fuzz_start();
  if (!getenv("FMP_FUZZ_SEEDS")) return 0;
  fuzz_each_seed(write_seed);
  exit(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
  fuzz_one(bytes, n);
  return 0;
}
