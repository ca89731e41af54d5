/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

_Noreturn void fuzz_fail(const char *text)
{
  fprintf(stderr, "fuzz: %s\n", text);
  abort();
}

static void (*seed_use)(const char *, const uint8_t *, size_t);

void fuzz_each_seed(void (*use)(const char *name, const uint8_t *bytes, size_t n))
{
  seed_use = use;
  fuzz_make_seeds();
}

void fuzz_seed(const char *name, const void *bytes, size_t n) { seed_use(name, bytes, n); }

static void write_all(int file, const uint8_t *bytes, size_t n)
{
  FUZZ_REQUIRE(ftruncate(file, 0) == 0, "a file in memory cannot be emptied");
  for (size_t done = 0; done < n;) {
    const ssize_t written = pwrite(file, bytes + done, n - done, (off_t)done);
    FUZZ_REQUIRE(written > 0, "a file in memory cannot be written");
    done += (size_t)written;
  }
}

const char *fuzz_file(int number, const void *bytes, size_t n)
{
  static int files[2] = {-1, -1};
  static char paths[2][64];
  if (files[number] < 0) {
    files[number] = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_REQUIRE(files[number] >= 0, "no file in memory");
    snprintf(paths[number], sizeof paths[number], "/proc/self/fd/%d", files[number]);
  }
  write_all(files[number], bytes, n);
  return paths[number];
}
