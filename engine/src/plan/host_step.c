/* SPDX-License-Identifier: Apache-2.0
 *
 * What a step on the host needs: memory, copies, and a stream of the host's that is entered while
 * the kernel runs. */
#include "plan/host_step.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "define/spec.h"
#include "device/stream.h"

enum { ALIGNMENT = 64 };

static uint32_t marks_of(const fmp__hosted *h, uint32_t i)
{
  return fmp__schema_input(&h->step->op->schema, i)->marks;
}

/* The slot of view i: inputs, then outputs. 0: it is absent, or nobody reads it. */
static uint32_t slot_of(const fmp__hosted *h, uint32_t i)
{
  const fmp__step *step = h->step;
  return i < step->n_in ? step->in[i] : step->out[i - step->n_in];
}

static int64_t view_bytes(const fmp__hosted *h, uint32_t i)
{
  return fmp__spec_bytes(&h->plan->slots[slot_of(h, i)].spec);
}

/* -- memory ---------------------------------------------------------------- */

/* More than the bytes: a value without elements still has an address of its own. */
static int64_t room_of(int64_t bytes) { return (bytes / ALIGNMENT + 1) * ALIGNMENT; }

/* Each view gets a stretch of the block, from `at` on; returns the end. */
static int64_t lay_out(fmp__hosted *h, char *block)
{
  int64_t at = 0;
  for (uint32_t i = 0; i < h->step->n_in + h->step->n_out; i++) {
    if (!slot_of(h, i)) continue;
    if (block) h->here[i].data = block + at;
    at += room_of(view_bytes(h, i));
  }
  h->scratch = block ? block + at : NULL;
  return at + room_of((int64_t)h->step->prepared.scratch_bytes);
}

fmp_status fmp__hosted_new(const fmp_plan *p, const fmp__step *step, const fmp_view *there,
                           fmp__hosted *h)
{
  const uint32_t n = step->n_in + step->n_out;
  *h = (fmp__hosted){.plan = p, .step = step, .there = there};
  h->here = fmp__alloc_zeroed(n + 1, sizeof *h->here);
  if (!h->here) return fmp__no_memory("a plan's instance");
  if (n) memcpy(h->here, there, n * sizeof *h->here);
  h->bytes = lay_out(h, NULL);
  const fmp_status status = fmp__device_alloc(p->host, h->bytes, &h->memory);
  if (status == FMP_OK)
    lay_out(h, h->memory);
  else
    fmp__hosted_free(h);
  return status;
}

void fmp__hosted_free(fmp__hosted *h)
{
  if (h->memory) fmp__device_free(h->plan->host, h->memory, h->bytes);
  fmp__free(h->here);
  memset(h, 0, sizeof *h);
}

/* -- running --------------------------------------------------------------- */

static int is_read(const fmp__hosted *h, uint32_t i)
{
  return h->here[i].data && !(marks_of(h, i) & FMP_ARG_SPEC_ONLY);
}

static fmp_status bring_inputs(const fmp__hosted *h, void *stream)
{
  fmp_device *device = h->plan->device;
  int copies = 0;
  for (uint32_t i = 0; i < h->step->n_in; i++) {
    if (!is_read(h, i)) continue;
    FMP_TRY(fmp__device_copy(device, stream, FMP_COPY_TO_HOST, h->here[i].data, h->there[i].data,
                             (size_t)view_bytes(h, i)));
    copies++;
  }
  return copies > 0 ? fmp__stream_wait(device, stream) : FMP_OK;
}

/* Outputs, and inputs that the op has written. */
static fmp_status send_results(const fmp__hosted *h, void *stream)
{
  const uint32_t n_in = h->step->n_in, n = n_in + h->step->n_out;
  for (uint32_t i = 0; i < n; i++) {
    if (!h->here[i].data || (i < n_in && !(marks_of(h, i) & FMP_ARG_WRITTEN))) continue;
    FMP_TRY(fmp__device_copy(h->plan->device, stream, FMP_COPY_TO_DEVICE, h->there[i].data,
                             h->here[i].data, (size_t)view_bytes(h, i)));
  }
  return FMP_OK;
}

static fmp_status run_here(const fmp__hosted *h, const fmp__call *call)
{
  fmp_device *host = h->plan->host;
  FMP_TRY(fmp__stream_enter(host, call->call.stream));
  const fmp_status status = fmp__run(&h->step->prepared, call);
  fmp__stream_leave(host, call->call.stream);
  return status;
}

fmp_status fmp__hosted_run(const fmp__hosted *h, void *stream, const fmp__call *call)
{
  FMP_TRY(bring_inputs(h, stream));
  FMP_TRY(run_here(h, call));
  return send_results(h, stream);
}
