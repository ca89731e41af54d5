/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses. Bit 56 is never set in a pointer of a process on x86-64 or aarch64, and a processor
 * refuses to follow one that has it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "far.h"

static const uintptr_t offset = (uintptr_t)1 << 56;

void *far_of(void *near) { return near ? (void *)((uintptr_t)near + offset) : NULL; }

void *far_near(const void *far)
{
  if (!far) return NULL;
  if ((uintptr_t)far & offset) return (void *)((uintptr_t)far - offset);
  fprintf(stderr, "far: expected an address of the device's, got the host's %p\n", far);
  abort();
}
