/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice, once for each entry of the eager cache and each node of a plan. Who wants to know why
 * it fell as it did asks for --explain, which prints a line here. */
#include "kernel/choose.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/stop.h"
#include "base/text.h"
#include "fmp/api.h"
#include "kernel/autotune.h"

static atomic_int explaining;

void fmp_kernel_explain(int32_t on) { atomic_store(&explaining, on); }

/* What was wanted, and what is registered for the op on any backend: usually the type is the
 * reason. */
static fmp_status no_kernel(const fmp__work *work)
{
  fmp__text specs = {0}, known = {0};
  const fmp__kernel *kernel;
  fmp__specs_text(work->in, work->n_in, &specs);
  for (uint32_t i = 0; (kernel = fmp__kernel_at(i)); i++)
    if (strcmp(kernel->def.op, work->op->def.name) == 0)
      fmp__text_add(&known, "%s%s/%s", known.length ? ", " : "", kernel->def.backend,
                    kernel->def.name);
  (void)fmp__fail(FMP_EUNSUPPORTED, "no kernel on %s takes (%s); registered: %s",
                  work->device->name, specs.bytes ? specs.bytes : "",
                  known.bytes ? known.bytes : "none");
  fmp__text_free(&specs);
  fmp__text_free(&known);
  return FMP_EUNSUPPORTED;
}

/* Straight to stderr and not by the log: it was asked for by name and has no level. */
static void explain(const fmp__work *work, const fmp__kernel *kernel)
{
  fmp__text specs = {0};
  if (!atomic_load(&explaining)) return;
  fmp__specs_text(work->in, work->n_in, &specs);
  fprintf(stderr, "fmp: %s (%s) on %s: %s, priority %d, plugin %s\n", work->op->def.name,
          specs.bytes ? specs.bytes : "", work->device->name, kernel->def.name,
          kernel->def.priority, kernel->plugin->name);
  fmp__text_free(&specs);
}

fmp_status fmp__prepare(const fmp__work *work, fmp__prepared *prepared)
{
  memset(prepared, 0, sizeof *prepared);
  FMP_TRY(fmp__check_forked());
  if (work->op->def.alias) return FMP_OK;
  const fmp__kernel *kernel;
  FMP_TRY(fmp__kernel_best(work, &kernel));
  if (!kernel) return no_kernel(work);
  FMP_TRY(fmp__autotune_choose(work, &kernel));
  explain(work, kernel);
  return fmp__prepare_kernel(work, kernel, prepared);
}

/* -- listing --------------------------------------------------------------- */

/* Kernels of the op itself, of all backends, in order of registration; wildcards are not listed. */
const char *fmp_op_kernels(const fmp_op *op)
{
  if (!op) return NULL;
  fmp__text *text = fmp__text_of_thread();
  const fmp__kernel *kernel;
  for (uint32_t i = 0; (kernel = fmp__kernel_at(i)); i++) {
    if (strcmp(kernel->def.op, op->def.name) != 0) continue;
    fmp__text_add(text, "%s/%s priority %d", kernel->def.backend, kernel->def.name,
                  kernel->def.priority);
    if (kernel->def.flags & FMP_KERNEL_NONDETERMINISTIC) fmp__text_add(text, " nondeterministic");
    for (uint32_t d = 1; d < FMP_DTYPE_COUNT; d++)
      if (kernel->def.dtypes & FMP_BIT(d)) fmp__text_add(text, " %s", fmp_dtype_name(d));
    fmp__text_add(text, " (%s)\n", kernel->plugin->name);
  }
  return text->bytes ? text->bytes : "";
}
