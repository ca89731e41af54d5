/* SPDX-License-Identifier: Apache-2.0
 *
 * The registry. `committed` is the one that counts, guarded by FMP__LOCK_REGISTRY; each plugin that
 * is being loaded has another one as its staging, which only the loading thread sees.
 *
 * Lookups by name are linear: there are about a hundred ops, and callers keep what they have
 * found. */
#include "define/registry.h"

#include <string.h>

#include "base/locks.h"
#include "base/memory.h"
#include "base/status.h"
#include "define/definition.h"

/* -- lists of pointers ----------------------------------------------------- */

typedef struct list {
  void **items;
  uint32_t n, room;
} list;

/* Returns 0 if there is no memory. */
static int list_reserve(list *l, uint32_t more)
{
  while (l->room < l->n + more)
    if (!fmp__grow((void **)&l->items, &l->room, l->room, sizeof *l->items)) return 0;
  return 1;
}

/* Cannot fail: room was reserved, so that a commit never stops in the middle. */
static void list_append(list *l, const list *more)
{
  if (more->n) memcpy(l->items + l->n, more->items, more->n * sizeof *l->items);
  l->n += more->n;
}

enum { OPS, KERNELS, BACKENDS, RESOURCES, REWRITES, N_LISTS };

/* `failed` and its text keep the first definition that was refused. load() may ignore what add_*
 * returned, but then the commit fails all the same: half a plugin is never registered. */
struct fmp_registry {
  const fmp__plugin_record *plugin;
  list lists[N_LISTS];
  fmp_status failed; /* FMP_OK: none was refused */
  char text[FMP__ERROR_TEXT];
};

static fmp_registry committed;
/* The first op to claim each role; under the lock, as `committed` is. */
static const fmp_op *role_ops[FMP_ROLE_COUNT];

/* The lock is for the list, which may be growing; the item itself never changes (registry.h). */
static void *item_at(int which, uint32_t i)
{
  fmp__lock(FMP__LOCK_REGISTRY);
  const list *l = &committed.lists[which];
  void *item = i < l->n ? l->items[i] : NULL;
  fmp__unlock(FMP__LOCK_REGISTRY);
  return item;
}

/* -- staging --------------------------------------------------------------- */

/* Staging registries are made and freed by the thread that loads the plugin. */
fmp_status fmp__staging_new(const fmp__plugin_record *plugin, fmp_registry **r)
{
  *r = fmp__alloc_zeroed(1, sizeof **r);
  if (!*r) return fmp__no_memory("a plugin's definitions");
  (*r)->plugin = plugin;
  return FMP_OK;
}

/* The staging that this thread's load() was lent. add_* takes no other, so a plugin cannot keep the
 * pointer and add to it later. */
static _Thread_local fmp_registry *filling;

/* The text is cleared first, so that a load() that fails without one is given one
 * (fmp__plugin_status). */
fmp_status fmp__staging_fill(fmp_registry *r, const fmp_plugin *entry)
{
  filling = r;
  fmp__error_clear();
  const fmp_status status = fmp__plugin_status(entry->load(r->plugin->host, r), "load");
  filling = NULL;
  return status;
}

static fmp_status check_filling(const fmp_registry *r)
{
  if (r && r == filling) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN,
                   "definitions can be added only in load(), to the registry that it was given");
}

static void free_item(int which, void *item)
{
  switch (which) {
  case OPS: fmp__op_free(item); break;
  case KERNELS: fmp__kernel_free(item); break;
  case BACKENDS: fmp__backend_free(item); break;
  case RESOURCES: fmp__resource_kind_free(item); break;
  default: fmp__rewrite_free(item); break;
  }
}

static void free_lists(list *lists)
{
  for (int which = 0; which < N_LISTS; which++) {
    list *l = &lists[which];
    for (uint32_t i = 0; i < l->n; i++) free_item(which, l->items[i]);
    fmp__free(l->items);
    *l = (list){0};
  }
}

void fmp__staging_free(fmp_registry *r)
{
  if (!r) return;
  free_lists(r->lists);
  fmp__free(r);
}

/* role_ops point into the lists. Staging registries have been freed by their loaders. */
void fmp__registry_free(void)
{
  free_lists(committed.lists);
  memset(role_ops, 0, sizeof role_ops);
}

/* Notes the first refusal, with the thread's text. */
static fmp_status refuse(fmp_registry *r, fmp_status status)
{
  if (r->failed == FMP_OK) {
    r->failed = status;
    fmp__error_keep(r->text);
  }
  return status;
}

/* Takes over an item: into the list if its definition was good, else freed, and refused. */
static fmp_status keep(fmp_registry *r, int which, void *item, fmp_status status)
{
  list *l = &r->lists[which];
  if (status == FMP_OK && !list_reserve(l, 1)) status = fmp__no_memory("a definition");
  if (status == FMP_OK) {
    l->items[l->n++] = item;
    return FMP_OK;
  }
  free_item(which, item);
  return refuse(r, status);
}

/* The five of these make an item of their kind, let define() check it, and keep() decide. */
fmp_status fmp__add_op(fmp_registry *r, const fmp_op_def *def)
{
  FMP_TRY(check_filling(r));
  fmp_op *op = fmp__alloc_zeroed(1, sizeof *op);
  if (!op) return refuse(r, fmp__no_memory("an op"));
  op->plugin = r->plugin;
  return keep(r, OPS, op, fmp__op_define(op, def));
}

fmp_status fmp__add_kernel(fmp_registry *r, const fmp_kernel_def *def)
{
  FMP_TRY(check_filling(r));
  fmp__kernel *k = fmp__alloc_zeroed(1, sizeof *k);
  if (!k) return refuse(r, fmp__no_memory("a kernel"));
  k->plugin = r->plugin;
  return keep(r, KERNELS, k, fmp__kernel_define(k, def));
}

fmp_status fmp__add_backend(fmp_registry *r, const fmp_backend_def *def)
{
  FMP_TRY(check_filling(r));
  fmp__backend *b = fmp__alloc_zeroed(1, sizeof *b);
  if (!b) return refuse(r, fmp__no_memory("a backend"));
  b->plugin = r->plugin;
  return keep(r, BACKENDS, b, fmp__backend_define(b, def));
}

fmp_status fmp__add_resource(fmp_registry *r, const fmp_resource_def *def)
{
  FMP_TRY(check_filling(r));
  fmp__resource_kind *k = fmp__alloc_zeroed(1, sizeof *k);
  if (!k) return refuse(r, fmp__no_memory("a resource"));
  k->plugin = r->plugin;
  return keep(r, RESOURCES, k, fmp__resource_kind_define(k, def));
}

fmp_status fmp__add_rewrite(fmp_registry *r, const fmp_rewrite_def *def)
{
  FMP_TRY(check_filling(r));
  fmp__rewrite *w = fmp__alloc_zeroed(1, sizeof *w);
  if (!w) return refuse(r, fmp__no_memory("a rewrite"));
  w->plugin = r->plugin;
  return keep(r, REWRITES, w, fmp__rewrite_define(w, def));
}

/* -- committing ------------------------------------------------------------ */

/* The name that must be unique in its list; NULL for kernels, of which an op has many by one
 * name. */
static const char *unique_name(int which, const void *item)
{
  switch (which) {
  case OPS: return ((const fmp_op *)item)->def.name;
  case BACKENDS: return ((const fmp__backend *)item)->def.name;
  case RESOURCES: return ((const fmp__resource_kind *)item)->def.name;
  case REWRITES: return ((const fmp__rewrite *)item)->def.name;
  default: return NULL;
  }
}

/* Of an item with a unique name, for the message; kernels do not get here. */
static const fmp__plugin_record *plugin_of(int which, const void *item)
{
  switch (which) {
  case OPS: return ((const fmp_op *)item)->plugin;
  case BACKENDS: return ((const fmp__backend *)item)->plugin;
  case RESOURCES: return ((const fmp__resource_kind *)item)->plugin;
  default: return ((const fmp__rewrite *)item)->plugin;
  }
}

/* The first `before` items alone, so that a plugin's own list can be compared with itself. */
static const void *find_unique(const list *l, int which, const char *name, uint32_t before)
{
  for (uint32_t i = 0; i < before; i++)
    if (strcmp(unique_name(which, l->items[i]), name) == 0) return l->items[i];
  return NULL;
}

/* Who comes second with a name is refused, whatever else it brings
 * (docs/decisions/newcomers-give-way.md). Names within the plugin itself count too. */
static fmp_status check_unique(const fmp_registry *r, int which)
{
  static const char *const kinds[] = {"an op", "a kernel", "a backend", "a resource", "a rewrite"};
  for (uint32_t i = 0; i < r->lists[which].n; i++) {
    const char *name = unique_name(which, r->lists[which].items[i]);
    if (!name) return FMP_OK;
    const void *other = find_unique(&committed.lists[which], which, name, committed.lists[which].n);
    if (!other) other = find_unique(&r->lists[which], which, name, i);
    if (other)
      return fmp__fail(FMP_EPLUGIN,
                       "%s '%s' is registered already, by plugin '%s'; a prefix, as in 'acme.%s', "
                       "keeps names apart",
                       kinds[which], name, plugin_of(which, other)->name, name);
  }
  return FMP_OK;
}

/* Among all that is committed, and what comes with it: a plugin may bring both. */
static int op_exists(const fmp_registry *r, const char *name)
{
  return find_unique(&committed.lists[OPS], OPS, name, committed.lists[OPS].n) ||
         find_unique(&r->lists[OPS], OPS, name, r->lists[OPS].n);
}

/* The ops that a gradient will emit must exist when the plugin is committed, so that a missing
 * plugin shows at load and not in the middle of a training run. */
static fmp_status check_gradient_ops(const fmp_registry *r, const fmp_op *op)
{
  if (!op->def.gradient_ops) return FMP_OK;
  for (const char *p = op->def.gradient_ops; *p; p += strspn(p, " ")) {
    char name[64];
    const size_t n = strcspn(p, " ");
    if (n >= sizeof name)
      return fmp__fail(FMP_EPLUGIN, "op '%s': gradient_ops holds a name of %zu letters",
                       op->def.name, n);
    memcpy(name, p, n);
    name[n] = '\0';
    if (n && !op_exists(r, name))
      return fmp__fail(FMP_ENOTFOUND, "op '%s': its gradient needs op '%s', which no plugin has",
                       op->def.name, name);
    p += n;
  }
  return FMP_OK;
}

/* Where a kernel wants contiguous inputs the engine copies them, with the op that has the copy
 * role. A kernel for that op which wanted contiguous inputs itself would make the engine copy for
 * ever. */
static fmp_status check_copy_kernel(const fmp_registry *r, const fmp__kernel *k)
{
  const fmp_op *op = find_unique(&committed.lists[OPS], OPS, k->def.op, committed.lists[OPS].n);
  if (!op) op = find_unique(&r->lists[OPS], OPS, k->def.op, r->lists[OPS].n);
  if (!op || op->def.role != FMP_ROLE_COPY || (k->def.flags & FMP_KERNEL_STRIDED)) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN,
                   "kernel '%s' of '%s': expected the flag FMP_KERNEL_STRIDED, as the op makes "
                   "strided tensors contiguous",
                   k->def.name, k->def.op);
}

/* All that can fail happens here, before the first definition is appended. Under the lock. */
static fmp_status check_staging(const fmp_registry *r)
{
  for (int which = 0; which < N_LISTS; which++) FMP_TRY(check_unique(r, which));
  for (uint32_t i = 0; i < r->lists[OPS].n; i++)
    FMP_TRY(check_gradient_ops(r, r->lists[OPS].items[i]));
  for (uint32_t i = 0; i < r->lists[KERNELS].n; i++)
    FMP_TRY(check_copy_kernel(r, r->lists[KERNELS].items[i]));
  for (int which = 0; which < N_LISTS; which++)
    if (!list_reserve(&committed.lists[which], r->lists[which].n))
      return fmp__no_memory("a plugin's definitions");
  return FMP_OK;
}

/* The first claim stands: a later plugin cannot change what gradients already use. */
static void claim_roles(const list *ops)
{
  for (uint32_t i = 0; i < ops->n; i++) {
    const fmp_op *op = ops->items[i];
    if (op->def.role && !role_ops[op->def.role]) role_ops[op->def.role] = op;
  }
}

/* One critical section: another thread sees none of the plugin or all of it. */
fmp_status fmp__staging_commit(fmp_registry *r)
{
  fmp__lock(FMP__LOCK_REGISTRY);
  fmp_status status = r->failed;
  if (status != FMP_OK)
    fmp__error_restore(r->text);
  else
    status = check_staging(r);
  if (status == FMP_OK) {
    claim_roles(&r->lists[OPS]);
    for (int which = 0; which < N_LISTS; which++) {
      list_append(&committed.lists[which], &r->lists[which]);
      r->lists[which].n = 0;
    }
  }
  fmp__unlock(FMP__LOCK_REGISTRY);
  return status;
}

/* -- asking ---------------------------------------------------------------- */

/* Grows while plugins are loaded, so a caller that counts up to it may miss the newest. */
int32_t fmp_op_count(void)
{
  fmp__lock(FMP__LOCK_REGISTRY);
  const uint32_t n = committed.lists[OPS].n;
  fmp__unlock(FMP__LOCK_REGISTRY);
  return (int32_t)n;
}

const fmp_op *fmp_op_at(int32_t i) { return i < 0 ? NULL : item_at(OPS, (uint32_t)i); }

fmp__backend *fmp__backend_at(uint32_t i) { return item_at(BACKENDS, i); }

const fmp__kernel *fmp__kernel_at(uint32_t i) { return item_at(KERNELS, i); }

const fmp__rewrite *fmp__rewrite_at(uint32_t i) { return item_at(REWRITES, i); }

const fmp__resource_kind *fmp__resource_kind_at(uint32_t i) { return item_at(RESOURCES, i); }

/* Kernels have no unique names and are not looked up here. */
static fmp_status find_named(int which, const char *what, const char *name, const void **item)
{
  char hint[96];
  FMP_TRY(fmp__require(name, "a name"));
  fmp__nearest nearest = {.name = name};
  fmp__lock(FMP__LOCK_REGISTRY);
  const list *l = &committed.lists[which];
  *item = find_unique(l, which, name, l->n);
  for (uint32_t i = 0; i < l->n && !*item; i++)
    fmp__nearest_offer(&nearest, unique_name(which, l->items[i]));
  fmp__unlock(FMP__LOCK_REGISTRY);
  if (*item) return FMP_OK;
  return fmp__fail(FMP_ENOTFOUND, "no %s '%s'%s", what, name,
                   fmp__nearest_hint(&nearest, hint, sizeof hint));
}

fmp_status fmp_op_find(const char *name, const fmp_op **op)
{
  const void *item;
  FMP_TRY(find_named(OPS, "op", name, &item));
  *op = item;
  return FMP_OK;
}

static int is_named(const fmp_op *op, const char *name, size_t n)
{
  return strncmp(op->def.name, name, n) == 0 && op->def.name[n] == '\0';
}

const fmp_op *fmp__op_named(const char *name, size_t n)
{
  const fmp_op *found = NULL;
  fmp__lock(FMP__LOCK_REGISTRY);
  const list *ops = &committed.lists[OPS];
  for (uint32_t i = 0; i < ops->n && !found; i++)
    if (is_named(ops->items[i], name, n)) found = ops->items[i];
  fmp__unlock(FMP__LOCK_REGISTRY);
  return found;
}

fmp_status fmp__resource_kind_find(const char *name, const fmp__resource_kind **kind)
{
  const void *item;
  FMP_TRY(find_named(RESOURCES, "resource", name, &item));
  *kind = item;
  return FMP_OK;
}

const fmp_op *fmp__role_op(uint32_t role)
{
  fmp__lock(FMP__LOCK_REGISTRY);
  const fmp_op *op = role_ops[role];
  fmp__unlock(FMP__LOCK_REGISTRY);
  return op;
}

fmp_status fmp__role_require(uint32_t role, const fmp_op **op)
{
  static const char *const abilities[FMP_ROLE_COUNT] = {
      "nothing", "adds two tensors", "makes a constant like another tensor", "converts data types",
      "makes strided tensors contiguous"};
  *op = fmp__role_op(role);
  if (*op) return FMP_OK;
  return fmp__fail(FMP_EUNSUPPORTED, "no plugin is loaded with an op that %s (role %u)",
                   abilities[role], role);
}
