/* SPDX-License-Identifier: Apache-2.0
 *
 * Overlap of an op's inputs, in n log n: one update of all parameters of a network has thousands of
 * inputs. */
#include "device/stretch.h"

#include <stdlib.h>

#include "base/status.h"
#include "define/spec.h"
#include "fmp/api.h"

/* The extent cannot overflow: fmp__check_view has seen it. */
fmp__stretch fmp__stretch_of(const fmp_spec *spec, const int64_t *strides, const void *memory,
                             int64_t offset)
{
  int64_t low = 0, high = 0;
  fmp__view_extent(spec, strides, &low, &high);
  return (fmp__stretch){.memory = memory, .begin = offset + low, .end = offset + high};
}

/* Empty stretches overlap nothing. */
int fmp__stretches_overlap(const fmp__stretch *a, const fmp__stretch *b)
{
  return a->memory && a->memory == b->memory && a->begin < b->end && b->begin < a->end;
}

/* By memory, then by where they begin. Stretches without memory come anywhere. */
static int by_place(const void *left, const void *right)
{
  const fmp__stretch *a = left, *b = right;
  if (a->memory != b->memory) return (uintptr_t)a->memory < (uintptr_t)b->memory ? -1 : 1;
  return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static fmp_status fail(const fmp_op *op, const fmp__stretch *a, const fmp__stretch *b)
{
  const fmp__stretch *written = a->is_written ? a : b, *other = written == a ? b : a;
  return fmp__fail(
      FMP_EINVAL, "expected %s (input %u), which is written, to share no memory with %s (input %u)",
      fmp__schema_input(&op->schema, written->input)->name, written->input + 1,
      fmp__schema_input(&op->schema, other->input)->name, other->input + 1);
}

/* Goes through the stretches in order of their beginnings. One that overlaps any before it also
 * overlaps the one that reaches furthest, so it is enough to keep two: the furthest of all, against
 * which a written one is compared, and the furthest written one, against which every one is. */
static fmp_status sweep(const fmp_op *op, const fmp__stretch *s, uint32_t n)
{
  const fmp__stretch *furthest = NULL, *written = NULL;
  for (uint32_t i = 0; i < n; i++) {
    if (!s[i].memory || s[i].begin == s[i].end) continue;
    if (furthest && furthest->memory != s[i].memory) furthest = written = NULL;
    if (written && fmp__stretches_overlap(written, &s[i])) return fail(op, written, &s[i]);
    if (s[i].is_written && furthest && fmp__stretches_overlap(furthest, &s[i]))
      return fail(op, furthest, &s[i]);
    if (!furthest || s[i].end > furthest->end) furthest = &s[i];
    if (s[i].is_written && (!written || s[i].end > written->end)) written = &s[i];
  }
  return FMP_OK;
}

/* An input whose spec alone is read has no memory as far as the op is concerned. */
fmp_status fmp__check_written_apart(const fmp_op *op, fmp__stretch *stretches, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t marks = fmp__schema_input(&op->schema, i)->marks;
    stretches[i].input = i;
    stretches[i].is_written = (marks & FMP_ARG_WRITTEN) != 0;
    if (marks & FMP_ARG_SPEC_ONLY) stretches[i].memory = NULL;
  }
  qsort(stretches, n, sizeof *stretches, by_place);
  return sweep(op, stretches, n);
}
