/* SPDX-License-Identifier: Apache-2.0
 *
 * An op of the host's for tensors of another device. In plans it is plan/host_step.c. */
#include "emit/host_op.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "define/spec.h"
#include "fmp/api.h"

int fmp__is_host_op_for(const fmp_op *op, const fmp_device *device)
{
  return (op->def.flags & FMP_OP_HOST) && !fmp__device_is_host(device);
}

/* -- inputs ---------------------------------------------------------------- */

static uint32_t marks_of(const fmp__eager *e, uint32_t i)
{
  return fmp__schema_input(&e->op->schema, i)->marks;
}

/* Where only the spec is read, there may be no data any more. */
static fmp_status take_inputs(const fmp__eager *e, fmp_device *host, fmp_tensor **in)
{
  for (uint32_t i = 0; i < e->n_in; i++) {
    if (!e->in[i]) continue;
    if (marks_of(e, i) & FMP_ARG_SPEC_ONLY)
      FMP_TRY(fmp__tensor_bare(host, &e->in_specs[i], &in[i]));
    else
      FMP_TRY(fmp_tensor_to(e->in[i], host, &in[i]));
  }
  return FMP_OK;
}

static fmp_status copy_written(const fmp__eager *e, fmp_tensor *const *in)
{
  for (uint32_t i = 0; i < e->n_in; i++)
    if (in[i] && (marks_of(e, i) & FMP_ARG_WRITTEN))
      FMP_TRY(fmp_tensor_write(e->in[i], (char *)in[i]->storage->memory + in[i]->offset,
                               fmp__spec_bytes(&in[i]->spec)));
  return FMP_OK;
}

/* -- outputs --------------------------------------------------------------- */

/* Each in the place of the host's tensor. */
static fmp_status hand_over(fmp_device *device, fmp_tensor **out, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) {
    fmp_tensor *moved;
    if (!out[i]) continue;
    FMP_TRY(fmp_tensor_to(out[i], device, &moved));
    fmp_tensor_release(out[i]);
    out[i] = moved;
  }
  return FMP_OK;
}

static fmp_status run_on(fmp_device *host, const fmp__eager *e, fmp_tensor **in, fmp_tensor **out)
{
  fmp__eager there = *e;
  there.device = host;
  there.in = in;
  FMP_TRY(take_inputs(e, host, in));
  FMP_TRY(fmp__eager_run(&there, out));
  FMP_TRY(copy_written(e, in));
  return hand_over(e->device, out, e->n_out);
}

fmp_status fmp__host_op_run(const fmp__eager *e, fmp_tensor **out)
{
  fmp_device *host;
  fmp_tensor *few[16] = {NULL}, **in = few;
  for (uint32_t i = 0; i < e->n_out; i++) out[i] = NULL;
  FMP_TRY(fmp__device_of_host(&host));
  if (e->n_in > sizeof few / sizeof *few && !(in = fmp__alloc_zeroed(e->n_in, sizeof *in)))
    return fmp__no_memory("an op's inputs");
  const fmp_status status = run_on(host, e, in, out);
  if (status != FMP_OK) fmp__tensors_release(out, e->n_out);
  fmp__tensors_release(in, e->n_in);
  if (in != few) fmp__free(in);
  return status;
}
