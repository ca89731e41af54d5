/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling what plugins have defined: infer, alias, supports, prepare, run, release. Each status
 * goes through fmp__plugin_status, so that no unknown number and no failure without a text gets
 * further. */
#include "kernel/kernel.h"

#include <string.h>

#include "base/intern.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "define/registry.h"
#include "define/spec.h"
#include "device/stream.h"
#include "kernel/forced.h"

/* -- inference ------------------------------------------------------------- */

/* An op may leave an optional output out (FMP_NONE), and no other. All other specs become checked
 * ones here, which every floor above relies on. */
static fmp_status check_inferred(const fmp__work *work, uint32_t i)
{
  fmp_spec *spec = &work->out[i];
  const fmp__arg *arg = &work->op->schema.out[i];
  const int is_absent = spec->dtype == FMP_NONE;
  if (is_absent && (arg->marks & FMP_ARG_OPTIONAL)) return FMP_OK;
  if (is_absent) return fmp__fail(FMP_EPLUGIN, "infer did not set output %s", arg->name);
  const fmp_status status = fmp__spec_check(spec);
  if (status != FMP_OK) return fmp__fail_in(status, "output %s", arg->name);
  fmp__spec_tidy(spec);
  return FMP_OK;
}

/* infer() sees specs alone: what it answers can be cached, and asked again for another batch
 * size. */
fmp_status fmp__infer(const fmp__work *work)
{
  if (work->n_out) memset(work->out, 0, work->n_out * sizeof *work->out);
  const fmp_infer_args args = {.struct_size = sizeof args,
                               .host = work->op->plugin->host,
                               .data = work->op->def.data,
                               .op = work->op,
                               .params = work->params,
                               .in = work->in,
                               .out = work->out,
                               .n_in = work->n_in,
                               .n_out = work->n_out};
  FMP_TRY(fmp__plugin_status(work->op->def.infer(&args), "infer"));
  for (uint32_t i = 0; i < work->n_out; i++) FMP_TRY(check_inferred(work, i));
  return FMP_OK;
}

/* *out starts as a contiguous view of the output's shape over the same address, which is what a
 * reshape of a contiguous tensor is. The caller checks that the result stays inside its memory. */
fmp_status fmp__alias(const fmp__work *work, const fmp_view *in, fmp_view *out)
{
  *out = *in;
  out->dtype = work->out[0].dtype;
  out->rank = work->out[0].rank;
  memcpy(out->shape, work->out[0].shape, sizeof out->shape);
  fmp__strides_of(&work->out[0], out->strides);
  const fmp_alias_args args = {.struct_size = sizeof args,
                               .host = work->op->plugin->host,
                               .data = work->op->def.data,
                               .op = work->op,
                               .params = work->params,
                               .in = in,
                               .out = out};
  return fmp__plugin_status(work->op->def.alias(&args), "alias");
}

/* -- choice ---------------------------------------------------------------- */

static fmp_kernel_args args_of(const fmp__work *work, const fmp__kernel *kernel)
{
  return (fmp_kernel_args){.struct_size = sizeof(fmp_kernel_args),
                           .host = kernel->plugin->host,
                           .data = kernel->def.data,
                           .op = work->op,
                           .params = work->params,
                           .in = work->in,
                           .out = work->out,
                           .n_in = work->n_in,
                           .n_out = work->n_out,
                           .device = work->device->state,
                           .stream = work->stream,
                           .threads = work->threads};
}

/* An input that only lends its spec does not count: no kernel sees its data. */
static int takes_dtypes(const fmp__kernel *kernel, const fmp__work *work)
{
  for (uint32_t i = 0; i < work->n_in; i++) {
    const uint32_t dtype = work->in[i].dtype;
    const int read = !(fmp__schema_input(&work->op->schema, i)->marks & FMP_ARG_SPEC_ONLY);
    if (read && dtype != FMP_NONE && !(kernel->def.dtypes & FMP_BIT(dtype))) return 0;
  }
  return 1;
}

/* Strided inputs are copied by the op with the copy role, so a kernel for that op must take
 * strides. The registry refuses others; wildcards, and kernels that came before their op, are
 * sorted out here. */
static int is_fit_for_role(const fmp__kernel *kernel, const fmp_op *op)
{
  return op->def.role != FMP_ROLE_COPY || (kernel->def.flags & FMP_KERNEL_STRIDED);
}

/* What can be decided by names alone, before the kernel itself is asked. */
static int serves(const fmp__kernel *kernel, const fmp__work *work)
{
  return strcmp(kernel->def.backend, work->device->backend->def.name) == 0 &&
         is_fit_for_role(kernel, work->op) &&
         (fmp__kernel_is_for_any_op(kernel) || strcmp(kernel->def.op, work->op->def.name) == 0);
}

static int agrees(const fmp__kernel *kernel, const fmp__work *work)
{
  const fmp_kernel_args args = args_of(work, kernel);
  return takes_dtypes(kernel, work) && (!kernel->def.supports || kernel->def.supports(&args));
}

/* The order of choice: the user's wishes, the one named first before others; a kernel of the op
 * itself before a wildcard; the higher priority; and of equals the one registered first. So the
 * choice depends on nothing that varies between two runs. */
static int is_better(const fmp__kernel *a, const fmp__kernel *b, const fmp__wishes *wishes,
                     const char *op)
{
  if (!b) return 1;
  const uint32_t wish_a = fmp__wish_of(wishes, a, op), wish_b = fmp__wish_of(wishes, b, op);
  if (wish_a != wish_b) return wish_a < wish_b;
  const int any_a = fmp__kernel_is_for_any_op(a), any_b = fmp__kernel_is_for_any_op(b);
  if (any_a != any_b) return any_b;
  return a->def.priority > b->def.priority;
}

/* supports() is asked last and only of a kernel that would win: oneDNN's builds a description for
 * it. */
static const fmp__kernel *best_of(const fmp__work *work, const fmp__wishes *wishes)
{
  const fmp__kernel *kernel, *best = NULL;
  for (uint32_t i = 0; (kernel = fmp__kernel_at(i)); i++)
    if (serves(kernel, work) && is_better(kernel, best, wishes, work->op->def.name) &&
        agrees(kernel, work))
      best = kernel;
  return best;
}

fmp_status fmp__kernel_best(const fmp__work *work, const fmp__kernel **best)
{
  fmp__wishes wishes;
  *best = NULL;
  FMP_TRY(fmp__wishes_now(&wishes));
  FMP_TRY(fmp__stream_enter(work->device, work->stream));
  *best = best_of(work, &wishes);
  fmp__stream_leave(work->device, work->stream);
  return FMP_OK;
}

static fmp_status add_candidate(fmp__candidates *all, const fmp__kernel *kernel)
{
  if (!fmp__grow((void **)&all->items, &all->room, all->n, sizeof *all->items))
    return fmp__no_memory("kernels to choose from");
  all->items[all->n++] = kernel;
  return FMP_OK;
}

static fmp_status find_candidates(const fmp__work *work, fmp__candidates *all)
{
  const fmp__kernel *kernel;
  for (uint32_t i = 0; (kernel = fmp__kernel_at(i)); i++)
    if (kernel->def.priority > 0 && serves(kernel, work) && !fmp__kernel_is_for_any_op(kernel) &&
        agrees(kernel, work))
      FMP_TRY(add_candidate(all, kernel));
  return FMP_OK;
}

fmp_status fmp__kernel_candidates(const fmp__work *work, fmp__candidates *all)
{
  FMP_TRY(fmp__stream_enter(work->device, work->stream));
  const fmp_status status = find_candidates(work, all);
  fmp__stream_leave(work->device, work->stream);
  return status;
}

void fmp__specs_text(const fmp_spec *specs, uint32_t n, fmp__text *text)
{
  char spec[FMP_SPEC_TEXT];
  for (uint32_t i = 0; i < n; i++)
    fmp__text_add(text, "%s%s", i ? ", " : "", fmp_spec_text(&specs[i], spec));
}

/* More than any machine has, and so small that sums of such sizes cannot overflow. */
#define MOST_SCRATCH_BYTES ((size_t)1 << 46)

/* -- preparing ------------------------------------------------------------- */

/* prepared->kernel is set once there is a state: until then there is nothing to release. */
static fmp_status call_prepare(const fmp__work *work, const fmp__kernel *kernel,
                               fmp__prepared *prepared)
{
  const fmp_kernel_args args = args_of(work, kernel);
  if (kernel->def.prepare)
    FMP_TRY(fmp__plugin_status(kernel->def.prepare(&args, &prepared->state), "prepare"));
  prepared->kernel = kernel;
  if (kernel->def.scratch) prepared->scratch_bytes = kernel->def.scratch(&args, prepared->state);
  return FMP_OK;
}

/* On failure *prepared holds nothing. */
fmp_status fmp__prepare_kernel(const fmp__work *work, const fmp__kernel *kernel,
                               fmp__prepared *prepared)
{
  memset(prepared, 0, sizeof *prepared);
  FMP_TRY(fmp__stream_enter(work->device, work->stream));
  const fmp_status status = call_prepare(work, kernel, prepared);
  fmp__stream_leave(work->device, work->stream);
  FMP_TRY(status);
  if (prepared->scratch_bytes <= MOST_SCRATCH_BYTES) return FMP_OK;
  const size_t wanted = prepared->scratch_bytes;
  fmp__prepared_release(prepared);
  return fmp__fail(FMP_ENOMEM, "kernel %s wants %zu bytes of scratch memory", kernel->def.name,
                   wanted);
}

const char *fmp__where(const fmp_device *device, const char *scope, const fmp_op *op)
{
  return *scope && fmp__device_works_later(device) ? fmp__intern(scope, ": ", op->def.name)
                                                   : op->def.name;
}

fmp__call fmp__call_of(const fmp__work *work, const fmp__prepared *prepared)
{
  return (fmp__call){.call = {.struct_size = sizeof(fmp_call),
                              .host = prepared->kernel->plugin->host,
                              .data = prepared->kernel->def.data,
                              .op = work->op,
                              .params = work->params,
                              .device = work->device->state,
                              .stream = work->stream,
                              .state = prepared->state,
                              .n_in = work->n_in,
                              .n_out = work->n_out,
                              .threads = work->threads,
                              .where = work->where ? work->where : work->op->def.name},
                     .device = work->device};
}

fmp_status fmp__run(const fmp__prepared *prepared, const fmp__call *call)
{
  return fmp__plugin_status(prepared->kernel->def.run(&call->call), "run");
}

static void call_release(const fmp__kernel *kernel, void *state)
{
  const fmp_release_args args = {.struct_size = sizeof args,
                                 .host = kernel->plugin->host,
                                 .data = kernel->def.data,
                                 .state = state};
  kernel->def.release(&args);
}

/* In a forked process the state is left alone: no function of a plugin may run there. Does nothing
 * for what holds no kernel, so it may be called twice. */
void fmp__prepared_release(fmp__prepared *prepared)
{
  const fmp__kernel *kernel = prepared->kernel;
  if (kernel && kernel->def.prepare && kernel->def.release && !fmp__is_forked())
    call_release(kernel, prepared->state);
  memset(prepared, 0, sizeof *prepared);
}

int fmp__kernel_takes_strides(const fmp__prepared *prepared)
{
  return prepared->kernel && (prepared->kernel->def.flags & FMP_KERNEL_STRIDED);
}
