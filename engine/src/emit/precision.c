/* SPDX-License-Identifier: Apache-2.0
 *
 * Which inputs are cast to what, decided as each op is emitted. Deciding then, and not in a pass
 * over the finished trace, means that gradients, rewrites and merging see the casts and need no
 * rules of their own. */
#include "emit/precision.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "device/stream.h"
#include "emit/node.h"
#include "emit/record.h"
#include "fmp/kit/attr.h"

static const uint64_t castable = FMP_BIT(FMP_F32) | FMP_BIT(FMP_BF16);

static int is_castable(uint32_t dtype) { return (castable & FMP_BIT(dtype)) != 0; }

static uint32_t marks_of(const fmp_op *op, uint32_t i)
{
  return fmp__schema_input(&op->schema, i)->marks;
}

/* -- casts ----------------------------------------------------------------- */

/* What was f32, has only been lowered, and has not been written since, is taken back as it was
 * instead of being cast: the gradient of a master is not rounded to bf16 on its way through the
 * cast of the master. */
static fmp_tensor *before_lowering(const fmp_graph *g, const fmp_op *cast, fmp_tensor *t)
{
  const fmp__value *value = t->graph == g ? &g->values[t->value] : NULL;
  if (!value || !value->lowered || value->from != FMP__FROM_NODE) return t;
  const fmp__node *made = &g->nodes[value->node];
  if (made->op != cast || made->in_written[0] != fmp__graph_written(g, made->in[0])) return t;
  return g->values[made->in[0]].tensor;
}

/* Past fmp__emit, so that the input of a cast is not cast itself. */
static fmp_status emit_op(const fmp_op *op, void *params, fmp_tensor *t, fmp_tensor **cast)
{
  fmp__emission e;
  fmp_status status = fmp__emission_begin(&e, op, params, &t, 1, 1);
  if (status == FMP_OK) status = fmp__emission_run(&e);
  return fmp__emission_end(&e, status, cast);
}

/* *cast is borrowed from the graph, which holds the handle while the trace lasts. A cast to f32 may
 * turn out to be of what is f32 already (before_lowering); it is emitted all the same. */
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

/* The float types among the inputs whose data is read, as a set of FMP_BIT. */
static uint64_t float_types(const fmp__work *work)
{
  const uint64_t floats = castable | FMP_BIT(FMP_F64) | FMP_BIT(FMP_F16);
  uint64_t types = 0;
  for (uint32_t i = 0; i < work->n_in; i++)
    if (!(marks_of(work->op, i) & FMP_ARG_SPEC_ONLY)) types |= FMP_BIT(work->in[i].dtype);
  return types & floats;
}

/* The spec that input i would have if the op computed in dtype. */
static fmp_spec spec_in(const fmp__work *work, uint32_t i, uint32_t dtype)
{
  fmp_spec spec = work->in[i];
  if (is_castable(spec.dtype) && !(marks_of(work->op, i) & (FMP_ARG_SPEC_ONLY | FMP_ARG_WRITTEN)))
    spec.dtype = dtype;
  return spec;
}

/* On the thread's stream, as for a run. */
static fmp_status ask_kernels(fmp__work *work, const fmp__kernel **kernel)
{
  fmp__thread_stream *s;
  FMP_TRY(fmp__stream_of_thread(work->device, &s));
  work->stream = s->stream;
  work->threads = fmp__device_threads(work->device);
  return fmp__kernel_best(work, kernel);
}

/* Does the op accept its inputs in dtype, and is there a kernel for it? *kernel is NULL for an op
 * that only makes views, which needs none. Not fitting is an answer and no failure, so its text is
 * cleared. */
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
  fmp_status chosen = FMP_OK;
  *fits = status == FMP_OK;
  if (*fits && !work->op->def.alias) {
    chosen = ask_kernels(&tried, kernel);
    *fits = *kernel != NULL;
  }
  fmp__free(specs);
  if (status == FMP_ENOMEM) return status;
  if (chosen == FMP_OK) fmp__error_clear(); /* not fitting is no failure */
  return chosen;
}

/* Computing in bf16 is not worth it if its kernel only widens to f32, or is a reference, while f32
 * has a better one. Priorities alone do not tell: they once made this warn on processors where bf16
 * was faster by a quarter. */
static int is_slower(const fmp__kernel *low, const fmp__kernel *f32)
{
  if (!low || !f32 || low->def.priority >= f32->def.priority) return 0;
  return low->def.priority == 0 || (low->def.flags & FMP_KERNEL_WIDENS);
}

/* Once per process: every op of a network would say the same. */
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

/* Only ops of class low are warned about: they are the ones for which bf16 was asked. */
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

/* FMP_NONE: nothing is to be cast, because no input is f32 or bf16, or one is neither. */
static fmp_status choose_type(const fmp__work *work, uint32_t *dtype)
{
  const uint64_t types = float_types(work);
  const uint32_t precision = work->op->def.precision;
  *dtype = FMP_NONE;
  if (types == 0 || (types & ~castable)) return FMP_OK;
  if (precision == FMP_PRECISION_LOW ||
      (precision == FMP_PRECISION_FOLLOW && types == FMP_BIT(FMP_BF16)))
    return choose_low(work, dtype);
  *dtype = FMP_F32;
  return FMP_OK;
}

/* -- what emission calls --------------------------------------------------- */

/* A cast that the program itself asks for, to f32: it gets what was f32 all along, not the rounded
 * value. */
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

/* An output in bf16 of an op that read anything lowered is lowered too: nobody asked for it to be
 * bf16. Casts are noted where they are emitted, since only there is it known who asked. */
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
