/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/kernel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/stream.h"
#include "base/stop.h"
#include "base/locks.h"
#include "define/spec.h"
#include "base/status.h"

/* -- forcing --------------------------------------------------------------- */

static char forced[64]; /* kernel name; "" for none */
static pthread_once_t environment = PTHREAD_ONCE_INIT;
static atomic_uint_fast64_t epoch = 1;

static void set_forced(const char *name)
{
  fmp__lock(FMP__LOCK_FORCED);
  snprintf(forced, sizeof forced, "%s", name ? name : "");
  fmp__unlock(FMP__LOCK_FORCED);
  atomic_fetch_add(&epoch, 1);
}

static void read_environment(void)
{
  const char *name = getenv("FMP_KERNEL");
  if (name && *name) set_forced(name);
}

fmp_status fmp_kernel_force(const char *name)
{
  pthread_once(&environment, read_environment);
  if (name && strlen(name) >= sizeof forced)
    return fmp__fail(FMP_EINVAL, "expected the name of a kernel, got '%s'", name);
  set_forced(name);
  return FMP_OK;
}

int fmp__kernel_is_forced(void)
{
  pthread_once(&environment, read_environment);
  fmp__lock(FMP__LOCK_FORCED);
  const int is_forced = forced[0] != '\0';
  fmp__unlock(FMP__LOCK_FORCED);
  return is_forced;
}

void fmp__kernel_choices_changed(void) { atomic_fetch_add(&epoch, 1); }

uint64_t fmp__kernel_epoch(void)
{
  pthread_once(&environment, read_environment);
  return atomic_load(&epoch);
}

/* -- inference ------------------------------------------------------------- */

static fmp_status check_inferred(const fmp__work *work, uint32_t i)
{
  fmp_spec *spec = &work->out[i];
  const fmp__arg *arg = &work->op->schema.out[i];
  if (spec->dtype == FMP_NONE && (arg->marks & FMP_ARG_OPTIONAL)) return FMP_OK;
  const fmp_status status = fmp__spec_check(spec);
  if (status != FMP_OK) return fmp__fail_in(status, "output %s", arg->name);
  fmp__spec_tidy(spec);
  return FMP_OK;
}

fmp_status fmp__infer(const fmp__work *work)
{
  if (work->n_out) memset(work->out, 0, work->n_out * sizeof *work->out);
  FMP_TRY(fmp__plugin_status(work->op->def.infer(work->op->plugin->host, work->params, work->in,
                                                 work->n_in, work->out, work->n_out),
                             "infer"));
  for (uint32_t i = 0; i < work->n_out; i++) FMP_TRY(check_inferred(work, i));
  return FMP_OK;
}

fmp_status fmp__alias(const fmp__work *work, const fmp_view *in, fmp_view *out)
{
  *out = *in;
  out->dtype = work->out[0].dtype;
  out->rank = work->out[0].rank;
  memcpy(out->shape, work->out[0].shape, sizeof out->shape);
  fmp__strides_of(&work->out[0], out->strides);
  return fmp__plugin_status(work->op->def.alias(work->op->plugin->host, work->params, in, out),
                            "alias");
}

/* -- choice ---------------------------------------------------------------- */

static fmp_kernel_args args_of(const fmp__work *work)
{
  return (fmp_kernel_args){.struct_size = sizeof(fmp_kernel_args),
                           .params = work->params,
                           .in = work->in,
                           .n_in = work->n_in,
                           .out = work->out,
                           .n_out = work->n_out,
                           .device = work->device->state};
}

/* Of an input that only lends its spec no kernel sees the data. */
static int takes_dtypes(const fmp__kernel *kernel, const fmp__work *work)
{
  for (uint32_t i = 0; i < work->n_in; i++) {
    const uint32_t dtype = work->in[i].dtype;
    const int read = !(fmp__schema_input(&work->op->schema, i)->marks & FMP_ARG_SPEC_ONLY);
    if (read && dtype != FMP_NONE && !(kernel->def.dtypes & FMP_BIT(dtype))) return 0;
  }
  return 1;
}

static int is_wildcard(const fmp__kernel *kernel) { return strcmp(kernel->def.op, "*") == 0; }

static int serves(const fmp__kernel *kernel, const fmp__work *work)
{
  return strcmp(kernel->def.backend, work->device->backend->def.name) == 0 &&
         (is_wildcard(kernel) || strcmp(kernel->def.op, work->op->def.name) == 0);
}

static int agrees(const fmp__kernel *kernel, const fmp__work *work)
{
  const fmp_kernel_args args = args_of(work);
  return takes_dtypes(kernel, work) &&
         (!kernel->def.supports || kernel->def.supports(kernel->plugin->host, &args));
}

/* A forced name goes first, a kernel of the op itself before a wildcard, then priority;
 * what was registered first wins a tie. */
static int is_better(const fmp__kernel *a, const fmp__kernel *b, const char *name)
{
  if (!b) return 1;
  const int a_named = strcmp(a->def.name, name) == 0, b_named = strcmp(b->def.name, name) == 0;
  if (a_named != b_named) return a_named;
  if (is_wildcard(a) != is_wildcard(b)) return is_wildcard(b);
  return a->def.priority > b->def.priority;
}

const fmp__kernel *fmp__kernel_best(const fmp__work *work)
{
  const fmp__kernel *best = NULL, *kernel;
  char name[sizeof forced];
  pthread_once(&environment, read_environment);
  fmp__lock(FMP__LOCK_FORCED);
  memcpy(name, forced, sizeof name);
  fmp__unlock(FMP__LOCK_FORCED);
  for (uint32_t i = 0; (kernel = fmp__kernel_at(i)); i++)
    if (serves(kernel, work) && is_better(kernel, best, name) && agrees(kernel, work))
      best = kernel;
  return best;
}

int fmp__kernel_may_be_tuned(const fmp__kernel *kernel, const fmp__work *work)
{
  return kernel->def.priority > 0 && serves(kernel, work) && !is_wildcard(kernel) &&
         agrees(kernel, work);
}

void fmp__specs_text(const fmp_spec *specs, uint32_t n, fmp__text *text)
{
  char spec[FMP_SPEC_TEXT];
  for (uint32_t i = 0; i < n; i++)
    fmp__text_add(text, "%s%s", i ? ", " : "", fmp_spec_text(&specs[i], spec));
}

/* What no machine has: sums of sizes below it do not overflow. */
#define MOST_SCRATCH_BYTES ((size_t)1 << 46)

/* -- preparing ------------------------------------------------------------- */

static fmp_status call_prepare(const fmp__work *work, const fmp__kernel *kernel,
                               fmp__prepared *prepared)
{
  const fmp_kernel_args args = args_of(work);
  if (kernel->def.prepare)
    FMP_TRY(fmp__plugin_status(kernel->def.prepare(kernel->plugin->host, &args, &prepared->state),
                               "prepare"));
  prepared->kernel = kernel;
  if (kernel->def.scratch) prepared->scratch_bytes = kernel->def.scratch(&args, prepared->state);
  return FMP_OK;
}

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

fmp_status fmp__run(const fmp__prepared *prepared, const fmp__call *call)
{
  return fmp__plugin_status(prepared->kernel->def.run(&call->call), "run");
}

void fmp__prepared_release(fmp__prepared *prepared)
{
  const fmp__kernel *kernel = prepared->kernel;
  if (kernel && kernel->def.prepare && kernel->def.release && !fmp__is_forked())
    kernel->def.release(kernel->plugin->host, prepared->state);
  memset(prepared, 0, sizeof *prepared);
}

int fmp__kernel_takes_strides(const fmp__prepared *prepared)
{
  return prepared->kernel && (prepared->kernel->def.flags & FMP_KERNEL_STRIDED);
}
