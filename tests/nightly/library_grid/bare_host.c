/* SPDX-License-Identifier: Apache-2.0 */
#include "bare_host.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what plugins are lent ------------------------------------------------- */

static char error_text[512];

const char *bare_error(void) { return error_text; }

FMP_PRINTF(2, 3) static fmp_status fail(fmp_status code, const char *format, ...)
{
  va_list list;
  va_start(list, format);
  vsnprintf(error_text, sizeof error_text, format, list);
  va_end(list);
  return code;
}

FMP_PRINTF(2, 3) static void log_line(int32_t level, const char *format, ...)
{
  va_list list;
  (void)level;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
}

static const char *spec_text(const fmp_spec *spec, char *text)
{
  int at = snprintf(text, FMP_SPEC_TEXT, "type %u [", spec->dtype);
  for (uint32_t i = 0; i < spec->rank && at < FMP_SPEC_TEXT; i++)
    at += snprintf(text + at, (size_t)(FMP_SPEC_TEXT - at), "%s%lld", i ? "," : "",
                   (long long)spec->shape[i]);
  if (at < FMP_SPEC_TEXT) snprintf(text + at, (size_t)(FMP_SPEC_TEXT - at), "]");
  return text;
}

static const void *extension(const char *id)
{
  (void)id;
  return NULL;
}

static fmp_status parallel_for(const fmp_call *call, int64_t n, int64_t grain, fmp_range_fn body,
                               void *arg)
{
  (void)call, (void)grain;
  const fmp_range whole = {.struct_size = sizeof whole, .arg = arg, .end = n};
  return n > 0 ? body(&whole) : FMP_OK;
}

/* -- what they register ----------------------------------------------------- */

struct fmp_registry {
  struct bare_plugin *plugin;
};

static fmp_status add_op(fmp_registry *r, const fmp_op_def *def)
{
  if (r->plugin->n_ops == BARE_OPS) return fail(FMP_ENOMEM, "more than %d ops", BARE_OPS);
  r->plugin->ops[r->plugin->n_ops++] = *def;
  return FMP_OK;
}

static fmp_status add_kernel(fmp_registry *r, const fmp_kernel_def *def)
{
  if (r->plugin->n_kernels == BARE_KERNELS)
    return fail(FMP_ENOMEM, "more than %d kernels", BARE_KERNELS);
  r->plugin->kernels[r->plugin->n_kernels++] = *def;
  return FMP_OK;
}

static fmp_status add_backend(fmp_registry *r, const fmp_backend_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

static fmp_status add_resource(fmp_registry *r, const fmp_resource_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

static fmp_status add_rewrite(fmp_registry *r, const fmp_rewrite_def *def)
{
  (void)r, (void)def;
  return FMP_OK;
}

const fmp_host *bare_host(void)
{
  static const fmp_host host = {
      .struct_size = sizeof host,
      .abi_major = FMP_ABI_MAJOR,
      .abi_minor = FMP_ABI_MINOR,
      .fail = fail,
      .log = log_line,
      .alloc = malloc,
      .free = free,
      .spec_text = spec_text,
      .extension = extension,
      .add_op = add_op,
      .add_kernel = add_kernel,
      .add_backend = add_backend,
      .add_resource = add_resource,
      .add_rewrite = add_rewrite,
      .parallel_for = parallel_for,
  };
  return &host;
}

/* Definitions lie in the plugin, which is never unloaded: a copy of each struct is enough. */
int bare_load(const char *path, struct bare_plugin *plugin)
{
  struct fmp_registry registry = {plugin};
  void *const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 0;
  }
  const fmp_plugin *entry = dlsym(handle, "fmp_plugin_entry");
  memset(plugin, 0, sizeof *plugin);
  if (entry != NULL && entry->load(bare_host(), &registry) == FMP_OK) return 1;
  fprintf(stderr, "%s: %s\n", path, entry ? error_text : "no fmp_plugin_entry");
  return 0;
}

const fmp_op_def *bare_op(const struct bare_plugin *plugin, const char *name)
{
  for (int i = 0; i < plugin->n_ops; i++)
    if (strcmp(plugin->ops[i].name, name) == 0) return &plugin->ops[i];
  return NULL;
}

const fmp_kernel_def *bare_kernel(const struct bare_plugin *plugin, const char *op, int i)
{
  for (int k = 0; k < plugin->n_kernels; k++)
    if (strcmp(plugin->kernels[k].op, op) == 0 && i-- == 0) return &plugin->kernels[k];
  return NULL;
}
