/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of functions that plugins are lent, and the few of them that have no home on a lower
 * floor. Their contracts stand in plugin.h; new ones are appended there and here. */
#include "plugin/host.h"

#include <pthread.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "define/registry.h"
#include "emit/builder.h"
#include "file/upgrade.h"
#include "fmp/api.h"
#include "kernel/kernel.h"
#include "plugin/resource.h"

/* -- parallel loops -------------------------------------------------------- */

/* Texts of failures are kept per thread, but the stretches of a parallel loop run on other threads.
 * So the text of the lowest stretch that failed is carried back to the caller: the lowest, so that
 * the message does not depend on which thread was faster. */
typedef struct loop {
  fmp_range_fn body;
  void *arg;
  pthread_mutex_t mutex;
  fmp_status status;
  int64_t failed_at;
  char text[FMP__ERROR_TEXT];
} loop;

/* The worker is 0, which is right for a loop that runs alone. */
static fmp_range range_of(void *arg, int64_t begin, int64_t end)
{
  return (fmp_range){.struct_size = sizeof(fmp_range), .arg = arg, .begin = begin, .end = end};
}

/* On a thread of the backend's: its own text, which nobody would look at there, is saved here. */
static fmp_status run_stretch(const fmp_range *given)
{
  loop *l = given->arg;
  const int64_t begin = given->begin;
  fmp_range range = range_of(l->arg, begin, given->end);
  range.worker = given->worker;
  const fmp_status status = l->body(&range);
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

/* A loop that is too short for two stretches, or a backend without threads, runs here on the
 * calling thread. The mutex is a loop's own: loops of several threads do not wait for each
 * other. */
static fmp_status parallel_for(const fmp_call *call, int64_t n, int64_t grain, fmp_range_fn body,
                               void *arg)
{
  const fmp_device *device = ((const fmp__call *)call)->device;
  const fmp_backend_def *backend = &device->backend->def;
  if (n <= 0) return FMP_OK;
  const fmp_range whole = range_of(arg, 0, n);
  if (!backend->parallel_for || n <= grain) return body(&whole);
  loop l;
  l.body = body;
  l.arg = arg;
  l.status = FMP_OK;
  l.failed_at = 0;
  pthread_mutex_init(&l.mutex, NULL);
  const fmp_parallel_args args = {.struct_size = sizeof args,
                                  .host = device->backend->plugin->host,
                                  .data = backend->data,
                                  .device = device->state,
                                  .stream = call->stream,
                                  .n = n,
                                  .grain = grain > 0 ? grain : 1,
                                  .body = run_stretch,
                                  .arg = &l};
  const fmp_status status = backend->parallel_for(&args);
  pthread_mutex_destroy(&l.mutex);
  if (l.status == FMP_OK) return status;
  fmp__error_restore(l.text);
  return l.status;
}

/* -- the table ------------------------------------------------------------- */

/* Plugins may hand over anything: NULL is "no such attribute". */
static int32_t op_attr(const fmp_op *op, const void *params, const char *name, fmp_attr *attr)
{
  return op && params && name && attr && fmp__params_get(&op->attrs, params, name, attr);
}

static const char *op_name(const fmp_op *op) { return op ? op->def.name : NULL; }

/* No optional abilities are offered yet; asking for one is how a plugin will find out. */
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
    .op_attr = op_attr,
    .op_name = op_name,
    .parallel_for = parallel_for,
    .resource_state = fmp__resource_state,
    .sink_write = fmp__sink_write,
    .saved_get = fmp__saved_get,
    .saved_set = fmp__saved_set,
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
