/* SPDX-License-Identifier: Apache-2.0 */
#include "emit/precision.h"

#include <stdatomic.h>
#include <string.h>

#include "emit/node.h"
#include "emit/record.h"
#include "fmp/kit/attr.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"

enum { CASTABLE = FMP_BIT(FMP_F32) | FMP_BIT(FMP_BF16) };

static int is_castable(uint32_t dtype) { return (CASTABLE & FMP_BIT(dtype)) != 0; }

static uint32_t marks_of(const fmp_op *op, uint32_t i)
{
  return fmp__schema_input(&op->schema, i)->marks;
}

/* -- casts ----------------------------------------------------------------- */

/* What was f32, has only been lowered and not been written since is cast back without the
 * rounding between: the gradient of a master, on its way through the cast of the master. */
static fmp_tensor *before_lowering(const fmp_graph *g, const fmp_op *cast, fmp_tensor *t)
{
  const fmp__value *value = t->graph == g ? &g->values[t->value] : NULL;
  if (!value || !value->lowered || value->from != FMP__FROM_NODE) return t;
  const fmp__node *made = &g->nodes[value->node];
  if (made->op != cast || made->in_written[0] != fmp__graph_written(g, made->in[0])) return t;
  return g->values[made->in[0]].tensor;
}

/* Through the role's op alone: a cast is not cast itself. */
static fmp_status emit_op(const fmp_op *op, void *params, fmp_tensor *t, fmp_tensor **cast)
{
  fmp__emission e;
  fmp_status status = fmp__emission_begin(&e, op, params, &t, 1, 1);
  if (status == FMP_OK) status = fmp__emission_run(&e);
  return fmp__emission_end(&e, status, cast);
}

/* *cast is the graph's: valid while the trace lasts. */
static fmp_status emit_cast(fmp_graph *g, fmp_tensor *t, uint32_t dtype, fmp_tensor **cast)
{
  const fmp_attr attr = fmp_attr_dtype("dtype", dtype);
  const fmp_op *op;
  void *params;
  FMP_TRY(fmp__role_require(FMP_ROLE_CAST, &op));
  FMP_TRY(fmp__params_new(&op->attrs, &attr, 1, &params));
  if (g->low_precision && dtype == FMP_F32) t = before_lowering(g, op, t);
  FMP_TRY(emit_op(op, params, t, cast));
  g->values[(*cast)->value].lowered = g->low_precision && dtype == FMP_BF16;
  fmp_tensor_release(*cast);
  return FMP_OK;
}

static fmp_status cast_value(fmp_graph *g, uint32_t dtype, uint32_t *value)
{
  fmp_tensor *cast;
  FMP_TRY(emit_cast(g, g->values[*value].tensor, dtype, &cast));
  *value = cast->value;
  return FMP_OK;
}

/* -- which type ------------------------------------------------------------ */

/* The float types among the inputs that are read, as a set. */
static uint32_t float_types(const fmp__work *work)
{
  const uint32_t floats = CASTABLE | FMP_BIT(FMP_F64) | FMP_BIT(FMP_F16);
  uint32_t types = 0;
  for (uint32_t i = 0; i < work->n_in; i++)
    if (!(marks_of(work->op, i) & FMP_ARG_SPEC_ONLY)) types |= FMP_BIT(work->in[i].dtype);
  return types & floats;
}

/* The spec of input i if the op computes in dtype. */
static fmp_spec spec_in(const fmp__work *work, uint32_t i, uint32_t dtype)
{
  fmp_spec spec = work->in[i];
  if (is_castable(spec.dtype) && !(marks_of(work->op, i) & (FMP_ARG_SPEC_ONLY | FMP_ARG_WRITTEN)))
    spec.dtype = dtype;
  return spec;
}

/* Whether the op takes its inputs in dtype and something computes it so: *kernel, NULL for
 * an op that only makes views. */
static fmp_status try_type(const fmp__work *work, uint32_t dtype, int *fits,
                           const fmp__kernel **kernel)
{
  fmp_spec *specs = fmp__alloc_zeroed(work->n_in + 1, sizeof *specs);
  fmp__work tried = *work;
  *kernel = NULL;
  if (!specs) return fmp__no_memory("an op's inputs");
  for (uint32_t i = 0; i < work->n_in; i++) specs[i] = spec_in(work, i, dtype);
  tried.in = specs;
  const fmp_status status = fmp__infer(&tried);
  *fits = status == FMP_OK;
  if (*fits && !work->op->def.alias) *fits = (*kernel = fmp__kernel_best(&tried)) != NULL;
  fmp__free(specs);
  if (status == FMP_ENOMEM) return status;
  fmp__error_clear(); /* not fitting is no failure */
  return FMP_OK;
}

/* A kernel that widens, or a reference, where f32 has one that is chosen over it. */
static int is_slower(const fmp__kernel *low, const fmp__kernel *f32)
{
  if (!low || !f32 || low->def.priority >= f32->def.priority) return 0;
  return low->def.priority == 0 || (low->def.flags & FMP_KERNEL_WIDENS);
}

/* Said once: every op of a network would say the same. */
static void warn_slow(const fmp__work *work, const fmp__kernel *low, const fmp__kernel *f32)
{
  static atomic_flag said = ATOMIC_FLAG_INIT;
  if (!is_slower(low, f32)) return;
  if (atomic_flag_test_and_set(&said)) return;
  fmp__log(FMP__LOG_WARNING,
           "%s has no fast kernel for bf16 on %s: it runs on '%s', where f32 has '%s'; precision "
           "f32 is faster here",
           work->op->def.name, work->device->name, low->def.name, f32->def.name);
}

static fmp_status choose_low(const fmp__work *work, uint32_t *dtype)
{
  const fmp__kernel *low, *f32;
  int fits;
  FMP_TRY(try_type(work, FMP_BF16, &fits, &low));
  *dtype = fits ? FMP_BF16 : FMP_F32;
  if (!fits || work->op->def.precision != FMP_PRECISION_LOW) return FMP_OK;
  FMP_TRY(try_type(work, FMP_F32, &fits, &f32));
  warn_slow(work, low, f32);
  return FMP_OK;
}

/* What to compute in; FMP_NONE: nothing is to be cast. */
static fmp_status choose_type(const fmp__work *work, uint32_t *dtype)
{
  const uint32_t types = float_types(work), precision = work->op->def.precision;
  *dtype = FMP_NONE;
  if (types == 0 || (types & ~(uint32_t)CASTABLE)) return FMP_OK;
  if (precision == FMP_PRECISION_LOW ||
      (precision == FMP_PRECISION_FOLLOW && types == FMP_BIT(FMP_BF16)))
    return choose_low(work, dtype);
  *dtype = FMP_F32;
  return FMP_OK;
}

/* -- what the engine calls ------------------------------------------------- */

/* A cast that the program asks for. */
static fmp_status undo_lowering(const fmp_graph *g, const fmp__work *work, fmp_tensor **in,
                                fmp_spec *spec)
{
  FMP_TRY(fmp__infer(work));
  if (work->out[0].dtype != FMP_F32) return FMP_OK;
  in[0] = before_lowering(g, work->op, in[0]);
  *spec = in[0]->spec;
  return FMP_OK;
}

fmp_status fmp__precision_inputs(const fmp__work *work, fmp_tensor **in, fmp_spec *specs)
{
  fmp_graph *g = fmp__graph_now();
  uint32_t dtype;
  if (!g || !g->low_precision) return FMP_OK;
  if (work->op->def.role == FMP_ROLE_CAST) return undo_lowering(g, work, in, specs);
  FMP_TRY(choose_type(work, &dtype));
  for (uint32_t i = 0; i < work->n_in && dtype != FMP_NONE; i++) {
    if (!in[i] || spec_in(work, i, dtype).dtype == specs[i].dtype) continue;
    FMP_TRY(emit_cast(g, in[i], dtype, &in[i]));
    specs[i] = in[i]->spec;
  }
  return FMP_OK;
}

void fmp__precision_note(fmp_graph *g)
{
  const fmp__node *node = &g->nodes[g->n_nodes - 1];
  int lowered = 0;
  if (!g->low_precision || node->op->def.role == FMP_ROLE_CAST) return;
  for (uint32_t i = 0; i < node->n_in; i++)
    lowered |= g->values[node->in[i]].lowered && !(marks_of(node->op, i) & FMP_ARG_SPEC_ONLY);
  for (uint32_t i = 0; i < node->n_out; i++)
    if (node->out[i])
      g->values[node->out[i]].lowered = lowered && g->values[node->out[i]].spec.dtype == FMP_BF16;
}

fmp_status fmp__precision_match(fmp_graph *g, uint32_t dtype, uint32_t *value)
{
  const uint32_t own = g->values[*value].spec.dtype;
  if (own == dtype || !is_castable(own) || !is_castable(dtype)) return FMP_OK;
  return cast_value(g, dtype, value);
}

fmp_status fmp__precision_output(fmp_graph *g, uint32_t *value)
{
  return g->values[*value].lowered ? cast_value(g, FMP_F32, value) : FMP_OK;
}
