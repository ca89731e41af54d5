/* SPDX-License-Identifier: Apache-2.0 */
#include "resource.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "context.h"
#include "host.h"
#include "locks.h"
#include "memory.h"
#include "registry.h"
#include "status.h"

struct fmp_resource {
  atomic_int_fast32_t references;
  const fmp__resource_kind *kind;
  void *params; /* kept until close: they hold what the resource is built on */
  void *state;
  pthread_mutex_t mutex; /* one save or restore at a time */
};

/* -- kinds ----------------------------------------------------------------- */

int32_t fmp_resource_kinds(void)
{
  uint32_t n = 0;
  while (fmp__resource_kind_at(n)) n++;
  return (int32_t)n;
}

static fmp_status kind_at(int32_t i, const fmp__resource_kind **kind)
{
  *kind = i < 0 ? NULL : fmp__resource_kind_at((uint32_t)i);
  return *kind ? FMP_OK : fmp__fail(FMP_ENOTFOUND, "no resource number %d", i);
}

fmp_status fmp_resource_describe(int32_t i, fmp_resource_info *info)
{
  const fmp__resource_kind *kind;
  FMP_TRY(kind_at(i, &kind));
  *info = (fmp_resource_info){.name = kind->def.name,
                              .doc = kind->def.doc ? kind->def.doc : "",
                              .plugin = kind->plugin->name,
                              .n_attr = (int32_t)kind->attrs.n};
  return FMP_OK;
}

fmp_status fmp_resource_attr(int32_t i, int32_t row, fmp_attr_info *info)
{
  const fmp__resource_kind *kind;
  FMP_TRY(kind_at(i, &kind));
  if (row < 0 || (uint32_t)row >= kind->attrs.n)
    return fmp__fail(FMP_ENOTFOUND, "resource '%s' has no attribute number %d", kind->def.name,
                     row);
  const fmp_attr_def *def = &kind->attrs.defs[row];
  *info = (fmp_attr_info){def->name, def->doc, def->fallback, def->allowed, def->kind};
  return FMP_OK;
}

/* -- opening and closing --------------------------------------------------- */

static fmp_status open_state(fmp_resource *r, const fmp_attr *attrs, uint32_t n)
{
  FMP_TRY(fmp__check_forked());
  FMP_TRY(fmp__params_new(&r->kind->attrs, attrs, n, &r->params));
  fmp__note_opened();
  fmp__error_clear();
  return fmp__plugin_status(r->kind->def.open(fmp__host(), r->params, &r->state), "open");
}

static void free_resource(fmp_resource *r)
{
  fmp__params_free(&r->kind->attrs, r->params);
  pthread_mutex_destroy(&r->mutex);
  fmp__free(r);
}

fmp_status fmp_resource_open(const char *name, const fmp_attr *attrs, int32_t n,
                             fmp_resource **resource)
{
  const fmp__resource_kind *kind;
  FMP_TRY(fmp__resource_kind_find(name, &kind));
  FMP_TRY(fmp__require_array(attrs, n, "attributes"));
  fmp_resource *r = fmp__alloc_zeroed(1, sizeof *r);
  if (!r) return fmp__no_memory("a resource");
  atomic_init(&r->references, 1);
  pthread_mutex_init(&r->mutex, NULL);
  r->kind = kind;
  const fmp_status status = open_state(r, attrs, n > 0 ? (uint32_t)n : 0);
  if (status != FMP_OK) {
    free_resource(r);
    return fmp__fail_in(status, "%s", name);
  }
  *resource = r;
  return FMP_OK;
}

fmp_resource *fmp_resource_retain(fmp_resource *r)
{
  if (r) atomic_fetch_add(&r->references, 1);
  return r;
}

void fmp_resource_release(fmp_resource *r)
{
  if (!r || atomic_fetch_sub(&r->references, 1) != 1) return;
  if (fmp__is_forked()) return; /* close() would wait for threads that are not here */
  r->kind->def.close(fmp__host(), r->state);
  free_resource(r);
}

const char *fmp_resource_name(const fmp_resource *r) { return r ? r->kind->def.name : NULL; }

void *fmp__resource_state(const fmp_resource *r, const char *name)
{
  if (!name) {
    (void)fmp__fail(FMP_EINVAL, "expected the name of a resource, got none");
    return NULL;
  }
  if (r && (strcmp(r->kind->def.name, name) == 0 || fmp__has_word(r->kind->def.interfaces, name)))
    return r->state;
  (void)fmp__fail(FMP_EINVAL, "expected a resource '%s', got %s%s%s", name, r ? "'" : "",
                  r ? r->kind->def.name : "nothing", r ? "'" : "");
  return NULL;
}

/* -- saving ---------------------------------------------------------------- */

fmp_status fmp__sink_write(fmp_sink *sink, const void *bytes, size_t n)
{
  FMP_TRY(fmp__require(sink, "a sink"));
  if (n > SIZE_MAX / 2 - sink->n) return fmp__no_memory("a saved resource");
  if (sink->n + n > sink->room) {
    const size_t room = (sink->n + n) * 2;
    unsigned char *grown = fmp__realloc(sink->bytes, room);
    if (!grown) return fmp__no_memory("a saved resource");
    sink->bytes = grown;
    sink->room = room;
  }
  if (n) memcpy(sink->bytes + sink->n, bytes, n);
  sink->n += n;
  return FMP_OK;
}

/* One call of save or restore, under the resource's lock. */
static fmp_status save_state(fmp_resource *r, fmp_sink *sink)
{
  FMP_TRY(fmp__check_forked());
  pthread_mutex_lock(&r->mutex);
  fmp__error_clear();
  const fmp_status status =
      fmp__plugin_status(r->kind->def.save(fmp__host(), r->state, sink), "save");
  pthread_mutex_unlock(&r->mutex);
  return status;
}

static fmp_status restore_state(fmp_resource *r, const void *bytes, size_t n)
{
  FMP_TRY(fmp__check_forked());
  pthread_mutex_lock(&r->mutex);
  fmp__error_clear();
  const fmp_status status =
      fmp__plugin_status(r->kind->def.restore(fmp__host(), r->state, bytes, n), "restore");
  pthread_mutex_unlock(&r->mutex);
  return status;
}

fmp_status fmp_resource_save(fmp_resource *r, const void **bytes, int64_t *n)
{
  FMP_TRY(fmp__require(r, "a resource"));
  if (!r->kind->def.save)
    return fmp__fail(FMP_EUNSUPPORTED, "%s: has nothing to save", r->kind->def.name);
  fmp_sink *sink = &fmp__context_now()->saved;
  sink->n = 0;
  const fmp_status status = save_state(r, sink);
  if (status != FMP_OK) return fmp__fail_in(status, "%s", r->kind->def.name);
  *bytes = sink->bytes;
  *n = (int64_t)sink->n;
  return FMP_OK;
}

fmp_status fmp_resource_restore(fmp_resource *r, const void *bytes, int64_t n)
{
  FMP_TRY(fmp__require(r, "a resource"));
  if (!r->kind->def.restore)
    return fmp__fail(FMP_EUNSUPPORTED, "%s: cannot be restored", r->kind->def.name);
  if (n < 0 || (n > 0 && !bytes))
    return fmp__fail(FMP_EINVAL, "%s: expected bytes", r->kind->def.name);
  const fmp_status status = restore_state(r, bytes, (size_t)n);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "%s", r->kind->def.name);
}
