/* SPDX-License-Identifier: Apache-2.0
 *
 * Emitting an op: its inputs are taken, cast if the trace is of low precision, and then the op is
 * run or traced, by node.c. Casting is in between because it looks at the inputs that were taken
 * and replaces some of them, by emitting casts through node.c itself. */
#include "emit/emit.h"

#include "base/status.h"
#include "emit/node.h"
#include "emit/precision.h"
#include "emit/record.h"

static fmp_status run_cast(fmp__emission *e)
{
  if (!e->graph) return fmp__emission_run(e);
  const fmp__work work = fmp__emission_work(e);
  FMP_TRY(fmp__precision_inputs(&work, e->in, e->in_specs));
  FMP_TRY(fmp__emission_run(e));
  fmp__precision_note(e->graph);
  return FMP_OK;
}

fmp_status fmp__emit(const fmp_op *op, void *params, fmp_tensor *const *in, uint32_t n_in,
                     fmp_tensor **out, uint32_t n_out)
{
  fmp__emission e;
  fmp_status status = fmp__emission_begin(&e, op, params, in, n_in, n_out);
  if (status == FMP_OK) status = run_cast(&e);
  return fmp__emission_end(&e, status, out);
}

static fmp_status check_arrays(const fmp_attr *attrs, int32_t n_attr, fmp_tensor *const *in,
                               int32_t n_in, fmp_tensor **out, int32_t n_out)
{
  FMP_TRY(fmp__require_array(attrs, n_attr, "attributes"));
  FMP_TRY(fmp__require_array(in, n_in, "inputs"));
  return fmp__require_array(out, n_out, "room for the outputs");
}

fmp_status fmp_emit(const fmp_op *op, const fmp_attr *attrs, int32_t n_attr, fmp_tensor *const *in,
                    int32_t n_in, fmp_tensor **out, int32_t n_out)
{
  void *params;
  FMP_TRY(fmp__require(op, "an op"));
  if (n_attr < 0 || n_in < 0 || n_out < 0)
    return fmp__fail(FMP_EINVAL, "%s: expected counts of 0 or more", op->def.name);
  fmp_status status = check_arrays(attrs, n_attr, in, n_in, out, n_out);
  if (status == FMP_OK) status = fmp__params_new(&op->attrs, attrs, (uint32_t)n_attr, &params);
  if (status != FMP_OK) return fmp__fail_where(op, status);
  return fmp__emit(op, params, in, (uint32_t)n_in, out, (uint32_t)n_out);
}
