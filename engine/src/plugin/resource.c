/* SPDX-License-Identifier: Apache-2.0
 *
 * Resources: opening, closing, saving. The engine knows nothing of what they do; it sees to it that
 * close() runs once, after the last reference has gone, and before whatever the resource was built
 * on is closed. */
#include "plugin/resource.h"

#include <pthread.h>
#include <string.h>

#include "base/locks.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/stop.h"
#include "base/thread.h"
#include "define/handle.h"
#include "define/registry.h"
#include "define/sized.h"

/* An open resource. `state` is the plugin's from open() to close(), and may be used by ops on any
 * thread meanwhile; the plugin guards it. `params` hold references to the resources that it was
 * opened on, so those outlive it. */
typedef struct resource {
  fmp_resource handle; /* first: a pointer to it is a pointer to the resource */
  const fmp__resource_kind *kind;
  void *params; /* kept until close() has returned */
  void *state;
  pthread_mutex_t mutex; /* one save or restore at a time */
} resource;

/* Handles are made by fmp_resource_open alone, so every one is the start of such a struct. */
static resource *resource_of(fmp_resource *handle) { return (resource *)handle; }

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
  const fmp_resource_info filled = {.struct_size = sizeof filled,
                                    .name = kind->def.name,
                                    .doc = kind->def.doc ? kind->def.doc : "",
                                    .plugin = kind->plugin->name,
                                    .n_attr = (int32_t)kind->attrs.n};
  return fmp__give_sized("a resource\'s description", &filled, info);
}

fmp_status fmp_resource_attr(int32_t i, int32_t row, fmp_attr_info *info)
{
  const fmp__resource_kind *kind;
  FMP_TRY(kind_at(i, &kind));
  if (row < 0 || (uint32_t)row >= kind->attrs.n)
    return fmp__fail(FMP_ENOTFOUND, "resource '%s' has no attribute number %d", kind->def.name,
                     row);
  return fmp__attr_describe(&kind->attrs, (uint32_t)row, info);
}

/* -- opening and closing --------------------------------------------------- */

static fmp_resource_args args_of(const resource *r)
{
  return (fmp_resource_args){.struct_size = sizeof(fmp_resource_args),
                             .host = r->kind->plugin->host,
                             .data = r->kind->def.data,
                             .params = r->params,
                             .state = r->state};
}

/* fmp__note_opened() comes first: open() starts threads, and a child that is forked meanwhile has
 * none. */
static fmp_status open_state(resource *r, const fmp_attr *attrs, uint32_t n)
{
  FMP_TRY(fmp__check_forked());
  FMP_TRY(fmp__params_new(&r->kind->attrs, attrs, n, &r->params));
  fmp__note_opened();
  fmp__error_clear();
  const fmp_resource_args args = args_of(r);
  return fmp__plugin_status(r->kind->def.open(&args, &r->state), "open");
}

/* Releasing params may end further resources, those that this one was built on. */
static void free_resource(resource *r)
{
  fmp__params_free(&r->kind->attrs, r->params);
  pthread_mutex_destroy(&r->mutex);
  fmp__free(r);
}

/* In a forked process nothing is closed: close() would wait for threads that do not exist there. */
static void end_resource(fmp_resource *handle)
{
  resource *r = resource_of(handle);
  if (fmp__is_forked()) return; /* close() would wait for threads that are not here */
  const fmp_resource_args args = args_of(r);
  r->kind->def.close(&args);
  free_resource(r);
}

/* If open() fails there is no state, and close() is not called. */
fmp_status fmp_resource_open(const char *name, const fmp_attr *attrs, int32_t n,
                             fmp_resource **opened)
{
  const fmp__resource_kind *kind;
  FMP_TRY(fmp__resource_kind_find(name, &kind));
  FMP_TRY(fmp__require_array(attrs, n, "attributes"));
  resource *r = fmp__alloc_zeroed(1, sizeof *r);
  if (!r) return fmp__no_memory("a resource");
  atomic_init(&r->handle.references, 1);
  r->handle.kind = kind->def.name;
  r->handle.end = end_resource;
  pthread_mutex_init(&r->mutex, NULL);
  r->kind = kind;
  const fmp_status status = open_state(r, attrs, n > 0 ? (uint32_t)n : 0);
  if (status != FMP_OK) {
    free_resource(r);
    return fmp__fail_in(status, "%s", name);
  }
  *opened = &r->handle;
  return FMP_OK;
}

/* Names are compared and nothing else: that the state begins with the interface's struct is the
 * word of the plugin that named it (docs/decisions/resources-serve-interfaces.md). */
void *fmp__resource_state(const fmp_resource *handle, const char *name)
{
  const resource *r = (const resource *)handle;
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

/* The bytes of a resource that is being saved, grown as they come. */
struct fmp_sink {
  unsigned char *bytes;
  size_t n, room;
};

/* Doubles, so that a plugin may write number by number. */
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

/* One save or restore of a resource at a time; ops may go on using it, which the plugin provides
 * for. */
static fmp_status save_state(resource *r, fmp_sink *sink)
{
  const fmp_resource_args args = args_of(r);
  FMP_TRY(fmp__check_forked());
  pthread_mutex_lock(&r->mutex);
  fmp__error_clear();
  const fmp_status status = fmp__plugin_status(r->kind->def.save(&args, sink), "save");
  pthread_mutex_unlock(&r->mutex);
  return status;
}

static fmp_status restore_state(resource *r, const void *bytes, size_t n)
{
  const fmp_resource_args args = args_of(r);
  FMP_TRY(fmp__check_forked());
  pthread_mutex_lock(&r->mutex);
  fmp__error_clear();
  const fmp_status status = fmp__plugin_status(r->kind->def.restore(&args, bytes, n), "restore");
  pthread_mutex_unlock(&r->mutex);
  return status;
}

/* The thread's last save, lent to the caller until its next one. */
static _Thread_local fmp_sink saved;

static void free_saved(void)
{
  fmp__free(saved.bytes);
  saved = (fmp_sink){0};
}

/* The bytes are copied nowhere: the caller reads them before its thread saves again. */
fmp_status fmp_resource_save(fmp_resource *handle, const void **bytes, int64_t *n)
{
  FMP_TRY(fmp__require(handle, "a resource"));
  resource *r = resource_of(handle);
  if (!r->kind->def.save)
    return fmp__fail(FMP_EUNSUPPORTED, "%s: has nothing to save", r->kind->def.name);
  fmp__thread_at_end(FMP__END_SAVED, free_saved);
  saved.n = 0;
  const fmp_status status = save_state(r, &saved);
  if (status != FMP_OK) return fmp__fail_in(status, "%s", r->kind->def.name);
  *bytes = saved.bytes;
  *n = (int64_t)saved.n;
  return FMP_OK;
}

fmp_status fmp_resource_restore(fmp_resource *handle, const void *bytes, int64_t n)
{
  FMP_TRY(fmp__require(handle, "a resource"));
  resource *r = resource_of(handle);
  if (!r->kind->def.restore)
    return fmp__fail(FMP_EUNSUPPORTED, "%s: cannot be restored", r->kind->def.name);
  if (n < 0 || (n > 0 && !bytes))
    return fmp__fail(FMP_EINVAL, "%s: expected bytes", r->kind->def.name);
  const fmp_status status = restore_state(r, bytes, (size_t)n);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "%s", r->kind->def.name);
}
