/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/host.h"

#include <pthread.h>
#include <string.h>

#include "emit/builder.h"
#include "base/stop.h"
#include "fmp/api.h"
#include "kernel/kernel.h"
#include "base/log.h"
#include "base/memory.h"
#include "define/registry.h"
#include "plugin/resource.h"
#include "base/status.h"

/* -- parallel loops -------------------------------------------------------- */

/* Carries the error text of the lowest failing stretch to the caller's thread: texts
 * are kept per thread, and the stretches run on others. */
typedef struct loop {
  fmp_range_fn body;
  void *arg;
  pthread_mutex_t mutex;
  fmp_status status;
  int64_t failed_at;
  char text[FMP__ERROR_TEXT];
} loop;

static fmp_status run_stretch(void *arg, int64_t begin, int64_t end)
{
  loop *l = arg;
  const fmp_status status = l->body(l->arg, begin, end);
  if (status == FMP_OK) return FMP_OK;
  pthread_mutex_lock(&l->mutex);
  if (l->status == FMP_OK || begin < l->failed_at) {
    l->status = status;
    l->failed_at = begin;
    fmp__error_keep(l->text);
  }
  pthread_mutex_unlock(&l->mutex);
  return status;
}

static fmp_status parallel_for(const fmp_call *call, int64_t n, int64_t grain, fmp_range_fn body,
                               void *arg)
{
  const fmp_device *device = ((const fmp__call *)call)->device;
  const fmp_backend_def *backend = &device->backend->def;
  if (n <= 0) return FMP_OK;
  if (!backend->parallel_for || n <= grain) return body(arg, 0, n);
  loop l;
  l.body = body;
  l.arg = arg;
  l.status = FMP_OK;
  l.failed_at = 0;
  pthread_mutex_init(&l.mutex, NULL);
  const fmp_status status =
      backend->parallel_for(device->state, call->stream, n, grain > 0 ? grain : 1, run_stretch, &l);
  pthread_mutex_destroy(&l.mutex);
  if (l.status == FMP_OK) return status;
  fmp__error_restore(l.text);
  return l.status;
}

/* -- the table ------------------------------------------------------------- */

/* No optional abilities are offered yet. */
static const void *extension(const char *id)
{
  (void)id;
  return NULL;
}

static const fmp_host host = {
    .struct_size = sizeof(fmp_host),
    .abi_major = FMP_ABI_MAJOR,
    .abi_minor = FMP_ABI_MINOR,
    .fail = fmp__fail,
    .log = fmp__log,
    .alloc = fmp__alloc,
    .free = fmp__free,
    .spec_text = fmp_spec_text,
    .extension = extension,
    .add_op = fmp__add_op,
    .add_kernel = fmp__add_kernel,
    .add_backend = fmp__add_backend,
    .add_resource = fmp__add_resource,
    .add_rewrite = fmp__add_rewrite,
    .parallel_for = parallel_for,
    .resource_state = fmp__resource_state,
    .sink_write = fmp__sink_write,
    .emit = fmp__builder_emit,
    .output = fmp__builder_output,
    .spec = fmp__builder_spec,
    .grad_inputs = fmp__builder_grad_inputs,
    .grad_wants = fmp__builder_grad_wants,
    .grad_in = fmp__builder_grad_in,
    .grad_out = fmp__builder_grad_out,
    .grad_dout = fmp__builder_grad_dout,
    .grad_set = fmp__builder_grad_set,
    .node_params = fmp__builder_node_params,
    .node_in = fmp__builder_node_in,
    .replace = fmp__builder_replace,
    .emit_node = fmp__builder_emit_node,
    .node_attr = fmp__builder_node_attr,
    .check_interrupt = fmp__check_interrupt,
};

const fmp_host *fmp__host(void) { return &host; }
