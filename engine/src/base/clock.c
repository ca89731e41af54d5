/* SPDX-License-Identifier: Apache-2.0
 *
 * CLOCK_MONOTONIC, because a profile or an autotuned choice must not depend on somebody setting the
 * time of day. */
#define _POSIX_C_SOURCE 200809L

#include "base/clock.h"

#include <time.h>

int64_t fmp__clock_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
