/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* read-write locks */

#include "registry.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "memory.h"
#include "status.h"

/* -- lists of pointers ----------------------------------------------------- */

typedef struct list {
  void **items;
  uint32_t n, room;
} list;

static int list_reserve(list *l, uint32_t more)
{
  while (l->room < l->n + more)
    if (!fmp__grow((void **)&l->items, &l->room, l->room, sizeof *l->items)) return 0;
  return 1;
}

/* Room was reserved. */
static void list_append(list *l, const list *more)
{
  if (more->n) memcpy(l->items + l->n, more->items, more->n * sizeof *l->items);
  l->n += more->n;
}

enum { OPS, KERNELS, BACKENDS, RESOURCES, REWRITES, N_LISTS };

struct fmp_registry {
  const fmp__plugin_record *plugin;
  list lists[N_LISTS];
  /* The first definition that was refused: a plugin that does not listen is refused
   * all the same. */
  fmp_status failed;
  char text[FMP__ERROR_TEXT];
};

static fmp_registry committed;
static const fmp_op *role_ops[FMP_ROLE_COUNT];
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

/* Item i of a committed list; NULL beyond the last. */
static void *item_at(int which, uint32_t i)
{
  pthread_rwlock_rdlock(&lock);
  const list *l = &committed.lists[which];
  void *item = i < l->n ? l->items[i] : NULL;
  pthread_rwlock_unlock(&lock);
  return item;
}

/* -- taking over definitions ----------------------------------------------- */

/* Copies a definition of any age: what it lacks is zero, what it has beyond our
 * knowledge must be zero. `least`: the end of the last field that nobody can omit. */
static fmp_status copy_sized(const char *what, const void *def, size_t least, size_t known,
                             void *copy)
{
  size_t size;
  if (!def) return fmp__fail(FMP_EPLUGIN, "%s: no definition given", what);
  memcpy(&size, def, sizeof size);
  if (size < least || size > 65536)
    return fmp__fail(FMP_EPLUGIN, "%s: expected a definition of at least %zu bytes, got %zu", what,
                     least, size);
  for (size_t i = known; i < size; i++)
    if (((const unsigned char *)def)[i] != 0)
      return fmp__fail(FMP_EPLUGIN,
                       "%s: byte %zu of the definition is of a newer ABI and not zero", what, i);
  memset(copy, 0, known); /* a refused one stays all zero: nothing in it is ours to free */
  memcpy(copy, def, size < known ? size : known);
  return FMP_OK;
}

/* Names are identifiers: they become Lua fields, file parts, words of lists. */
static int is_identifier(const char *name)
{
  if (!name || !*name || strlen(name) > 63) return 0;
  if (*name >= '0' && *name <= '9') return 0;
  for (; *name; name++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *name)) return 0;
  return 1;
}

static fmp_status check_name(const char *what, const char *name)
{
  if (is_identifier(name)) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "%s: expected an identifier as name, got '%s'", what,
                   name ? name : "nothing");
}

/* Replaces borrowed texts by copies; `fields` ends with NULL. On failure all are NULL. */
static fmp_status own_texts(const char **const *fields)
{
  fmp_status status = FMP_OK;
  for (; *fields; fields++) {
    const char *text = **fields;
    **fields = status == FMP_OK ? fmp__copy_text(text) : NULL;
    if (text && !**fields) status = fmp__no_memory("a definition");
  }
  return status;
}

static void free_item(int which, void *item);

/* Keeps a definition that was filled, or frees one that was refused and says so. */
static fmp_status keep(fmp_registry *r, int which, void *item, fmp_status status)
{
  list *l = &r->lists[which];
  if (status == FMP_OK && !list_reserve(l, 1)) status = fmp__no_memory("a definition");
  if (status == FMP_OK) {
    l->items[l->n++] = item;
    return FMP_OK;
  }
  free_item(which, item);
  if (r->failed == FMP_OK) {
    r->failed = status;
    fmp__error_keep(r->text);
  }
  return status;
}

/* A flag that we do not know would be a wish that we ignore. */
static fmp_status check_flags(uint32_t flags, uint32_t known)
{
  if ((flags & ~known) == 0) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "unknown flags 0x%x", flags & ~known);
}

static fmp_status check_reserved(uint32_t reserved)
{
  return reserved == 0 ? FMP_OK : fmp__fail(FMP_EPLUGIN, "expected 0 in a reserved field");
}

/* -- ops ------------------------------------------------------------------- */

static void free_op(fmp_op *op)
{
  fmp__attr_table_free(&op->attrs);
  fmp__free((char *)op->def.name);
  fmp__free((char *)op->def.schema);
  fmp__free((char *)op->def.doc);
  fmp__free((char *)op->def.gradient_ops);
  fmp__free(op);
}

static fmp_status check_op(const fmp_op *op)
{
  const fmp_op_def *d = &op->def;
  if (!d->infer) return fmp__fail(FMP_EPLUGIN, "expected an infer function");
  if (d->params_size > 65536 || (op->attrs.n && !d->params_size))
    return fmp__fail(FMP_EPLUGIN, "expected a params struct of 1 to 65536 bytes, got %u",
                     d->params_size);
  if (d->role >= FMP_ROLE_COUNT || d->precision > FMP_PRECISION_F32)
    return fmp__fail(FMP_EPLUGIN, "unknown role %u or precision class %u", d->role, d->precision);
  FMP_TRY(check_flags(d->flags, FMP_OP_EFFECT | FMP_OP_RANDOM | FMP_OP_HOST));
  FMP_TRY(check_reserved(d->reserved));
  if (d->alias && (op->schema.n_in < 1 || op->schema.n_out != 1))
    return fmp__fail(FMP_EPLUGIN, "expected one output of an op that aliases input 0");
  return FMP_OK;
}

static fmp_status fill_op(fmp_op *op, const fmp_op_def *def)
{
  const fmp_attr_def *attrs;
  FMP_TRY(copy_sized("op", def, FMP_SIZE_UNTIL(fmp_op_def, infer), sizeof *def, &op->def));
  attrs = op->def.attrs;
  op->def.attrs = NULL;
  const char **const texts[] = {&op->def.name, &op->def.schema, &op->def.doc,
                                &op->def.gradient_ops, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("op", op->def.name));
  FMP_TRY(fmp__schema_parse(op->def.schema ? op->def.schema : "", &op->schema));
  op->writes = fmp__schema_has(&op->schema, FMP_ARG_WRITTEN);
  FMP_TRY(fmp__attr_table_copy(attrs, op->def.n_attr, op->def.attr_size, op->def.params_size,
                               &op->attrs));
  return check_op(op);
}

/* The name that the plugin gave, for messages; the definition may be unusable. */
static const char *given_name(const fmp_op_def *def)
{
  const int has_name = def && def->struct_size >= FMP_SIZE_UNTIL(fmp_op_def, name);
  return has_name && is_identifier(def->name) ? def->name : NULL;
}

fmp_status fmp__add_op(fmp_registry *r, const fmp_op_def *def)
{
  fmp_op *op = fmp__alloc_zeroed(1, sizeof *op);
  if (!op) return fmp__no_memory("an op");
  op->plugin = r->plugin;
  const fmp_status status = fill_op(op, def);
  if (status != FMP_OK && given_name(def)) fmp__fail_in(status, "op '%s'", given_name(def));
  return keep(r, OPS, op, status);
}

/* -- kernels --------------------------------------------------------------- */

static void free_kernel(fmp__kernel *k)
{
  fmp__free((char *)k->def.op);
  fmp__free((char *)k->def.backend);
  fmp__free((char *)k->def.name);
  fmp__free((void *)k->def.inplace);
  fmp__free(k);
}

static fmp_status own_inplace(fmp__kernel *k)
{
  const fmp_inplace *pairs = k->def.inplace;
  const size_t bytes = k->def.n_inplace * sizeof *pairs;
  k->def.inplace = NULL;
  if (bytes == 0) return FMP_OK;
  fmp_inplace *copy = pairs && k->def.n_inplace <= 64 ? fmp__alloc(bytes) : NULL;
  if (!copy) return fmp__fail(FMP_EPLUGIN, "kernel: unusable in-place pairs");
  memcpy(copy, pairs, bytes);
  k->def.inplace = copy;
  return FMP_OK;
}

static fmp_status fill_kernel(fmp__kernel *k, const fmp_kernel_def *def)
{
  FMP_TRY(copy_sized("kernel", def, FMP_SIZE_UNTIL(fmp_kernel_def, run), sizeof *def, &k->def));
  const char **const texts[] = {&k->def.op, &k->def.backend, &k->def.name, NULL};
  const fmp_status owned = own_texts(texts);
  FMP_TRY(own_inplace(k));
  FMP_TRY(owned);
  if (strcmp(k->def.op ? k->def.op : "", "*") != 0) FMP_TRY(check_name("kernel's op", k->def.op));
  FMP_TRY(check_name("kernel's backend", k->def.backend));
  FMP_TRY(check_name("kernel", k->def.name));
  FMP_TRY(check_flags(k->def.flags, FMP_KERNEL_STRIDED));
  return k->def.run ? FMP_OK
                    : fmp__fail(FMP_EPLUGIN, "kernel '%s' of '%s': expected a run function",
                                k->def.name, k->def.op);
}

fmp_status fmp__add_kernel(fmp_registry *r, const fmp_kernel_def *def)
{
  fmp__kernel *k = fmp__alloc_zeroed(1, sizeof *k);
  if (!k) return fmp__no_memory("a kernel");
  k->plugin = r->plugin;
  return keep(r, KERNELS, k, fill_kernel(k, def));
}

/* -- backends, resources, rewrites ----------------------------------------- */

static void free_backend(fmp__backend *b)
{
  fmp__free((char *)b->def.name);
  fmp__free((char *)b->def.doc);
  fmp__free(b);
}

static fmp_status fill_backend(fmp__backend *b, const fmp_backend_def *def)
{
  FMP_TRY(copy_sized("backend", def, FMP_SIZE_UNTIL(fmp_backend_def, copy), sizeof *def, &b->def));
  const char **const texts[] = {&b->def.name, &b->def.doc, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("backend", b->def.name));
  FMP_TRY(check_flags(b->def.flags, FMP_BACKEND_HOST));
  FMP_TRY(check_reserved(b->def.reserved));
  if (b->def.open && b->def.alloc && b->def.free && b->def.copy) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "backend '%s': expected open, alloc, free and copy", b->def.name);
}

fmp_status fmp__add_backend(fmp_registry *r, const fmp_backend_def *def)
{
  fmp__backend *b = fmp__alloc_zeroed(1, sizeof *b);
  if (!b) return fmp__no_memory("a backend");
  b->plugin = r->plugin;
  return keep(r, BACKENDS, b, fill_backend(b, def));
}

static void free_resource_kind(fmp__resource_kind *k)
{
  fmp__attr_table_free(&k->attrs);
  fmp__free((char *)k->def.name);
  fmp__free((char *)k->def.doc);
  fmp__free(k);
}

static fmp_status fill_resource_kind(fmp__resource_kind *k, const fmp_resource_def *def)
{
  FMP_TRY(
      copy_sized("resource", def, FMP_SIZE_UNTIL(fmp_resource_def, close), sizeof *def, &k->def));
  const fmp_attr_def *attrs = k->def.attrs;
  k->def.attrs = NULL;
  const char **const texts[] = {&k->def.name, &k->def.doc, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("resource", k->def.name));
  FMP_TRY(check_reserved(k->def.reserved));
  FMP_TRY(fmp__attr_table_copy(attrs, k->def.n_attr, k->def.attr_size, k->def.params_size,
                               &k->attrs));
  if (k->def.open && k->def.close) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "resource '%s': expected open and close", k->def.name);
}

fmp_status fmp__add_resource(fmp_registry *r, const fmp_resource_def *def)
{
  fmp__resource_kind *k = fmp__alloc_zeroed(1, sizeof *k);
  if (!k) return fmp__no_memory("a resource");
  k->plugin = r->plugin;
  return keep(r, RESOURCES, k, fill_resource_kind(k, def));
}

static void free_rewrite(fmp__rewrite *w)
{
  fmp__free((char *)w->def.name);
  fmp__free((char *)w->def.chain);
  fmp__free(w);
}

static fmp_status fill_rewrite(fmp__rewrite *w, const fmp_rewrite_def *def)
{
  FMP_TRY(copy_sized("rewrite", def, FMP_SIZE_UNTIL(fmp_rewrite_def, emit), sizeof *def, &w->def));
  const char **const texts[] = {&w->def.name, &w->def.chain, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("rewrite", w->def.name));
  FMP_TRY(check_reserved(w->def.reserved));
  if (w->def.phase > FMP_REWRITE_AFTER_GRADIENTS)
    return fmp__fail(FMP_EPLUGIN, "rewrite '%s': unknown phase %u", w->def.name, w->def.phase);
  if (w->def.emit && w->def.chain && w->def.chain[0]) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "rewrite '%s': expected a chain of ops and emit", w->def.name);
}

fmp_status fmp__add_rewrite(fmp_registry *r, const fmp_rewrite_def *def)
{
  fmp__rewrite *w = fmp__alloc_zeroed(1, sizeof *w);
  if (!w) return fmp__no_memory("a rewrite");
  w->plugin = r->plugin;
  return keep(r, REWRITES, w, fill_rewrite(w, def));
}

/* -- staging --------------------------------------------------------------- */

fmp_status fmp__staging_new(const fmp__plugin_record *plugin, fmp_registry **r)
{
  *r = fmp__alloc_zeroed(1, sizeof **r);
  if (!*r) return fmp__no_memory("a plugin's definitions");
  (*r)->plugin = plugin;
  return FMP_OK;
}

static void free_item(int which, void *item)
{
  switch (which) {
    case OPS: free_op(item); break;
    case KERNELS: free_kernel(item); break;
    case BACKENDS: free_backend(item); break;
    case RESOURCES: free_resource_kind(item); break;
    default: free_rewrite(item); break;
  }
}

void fmp__staging_free(fmp_registry *r)
{
  if (!r) return;
  for (int which = 0; which < N_LISTS; which++) {
    list *l = &r->lists[which];
    for (uint32_t i = 0; i < l->n; i++) free_item(which, l->items[i]);
    fmp__free(l->items);
  }
  fmp__free(r);
}

/* The name that must be unique among items of a list; NULL: none need be. */
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

static const fmp__plugin_record *plugin_of(int which, const void *item)
{
  switch (which) {
    case OPS: return ((const fmp_op *)item)->plugin;
    case BACKENDS: return ((const fmp__backend *)item)->plugin;
    case RESOURCES: return ((const fmp__resource_kind *)item)->plugin;
    default: return ((const fmp__rewrite *)item)->plugin;
  }
}

static const void *find_unique(const list *l, int which, const char *name, uint32_t before)
{
  for (uint32_t i = 0; i < before; i++)
    if (strcmp(unique_name(which, l->items[i]), name) == 0) return l->items[i];
  return NULL;
}

static fmp_status check_unique(const fmp_registry *r, int which)
{
  static const char *const kinds[] = {"an op", "a kernel", "a backend", "a resource", "a rewrite"};
  for (uint32_t i = 0; i < r->lists[which].n; i++) {
    const char *name = unique_name(which, r->lists[which].items[i]);
    if (!name) return FMP_OK;
    const void *other = find_unique(&committed.lists[which], which, name, committed.lists[which].n);
    if (!other) other = find_unique(&r->lists[which], which, name, i);
    if (other)
      return fmp__fail(FMP_EPLUGIN, "%s '%s' is registered already, by plugin '%s'", kinds[which],
                       name, plugin_of(which, other)->name);
  }
  return FMP_OK;
}

static int op_exists(const fmp_registry *r, const char *name)
{
  return find_unique(&committed.lists[OPS], OPS, name, committed.lists[OPS].n) ||
         find_unique(&r->lists[OPS], OPS, name, r->lists[OPS].n);
}

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
      return fmp__fail(FMP_ENOTFOUND, "op '%s': its gradient needs op '%s', which nobody has",
                       op->def.name, name);
    p += n;
  }
  return FMP_OK;
}

static fmp_status check_staging(const fmp_registry *r)
{
  for (int which = 0; which < N_LISTS; which++) FMP_TRY(check_unique(r, which));
  for (uint32_t i = 0; i < r->lists[OPS].n; i++)
    FMP_TRY(check_gradient_ops(r, r->lists[OPS].items[i]));
  for (int which = 0; which < N_LISTS; which++)
    if (!list_reserve(&committed.lists[which], r->lists[which].n))
      return fmp__no_memory("a plugin's definitions");
  return FMP_OK;
}

static void claim_roles(const list *ops)
{
  for (uint32_t i = 0; i < ops->n; i++) {
    const fmp_op *op = ops->items[i];
    if (op->def.role && !role_ops[op->def.role]) role_ops[op->def.role] = op;
  }
}

fmp_status fmp__staging_commit(fmp_registry *r)
{
  pthread_rwlock_wrlock(&lock);
  fmp_status status = r->failed;
  if (status != FMP_OK) fmp__error_restore(r->text);
  else status = check_staging(r);
  if (status == FMP_OK) {
    claim_roles(&r->lists[OPS]);
    for (int which = 0; which < N_LISTS; which++) {
      list_append(&committed.lists[which], &r->lists[which]);
      r->lists[which].n = 0;
    }
  }
  pthread_rwlock_unlock(&lock);
  return status;
}

/* -- asking ---------------------------------------------------------------- */

int32_t fmp_op_count(void)
{
  pthread_rwlock_rdlock(&lock);
  const uint32_t n = committed.lists[OPS].n;
  pthread_rwlock_unlock(&lock);
  return (int32_t)n;
}

const fmp_op *fmp_op_at(int32_t i) { return i < 0 ? NULL : item_at(OPS, (uint32_t)i); }

fmp__backend *fmp__backend_at(uint32_t i) { return item_at(BACKENDS, i); }

const fmp__kernel *fmp__kernel_at(uint32_t i) { return item_at(KERNELS, i); }

const fmp__rewrite *fmp__rewrite_at(uint32_t i) { return item_at(REWRITES, i); }

const fmp__resource_kind *fmp__resource_kind_at(uint32_t i) { return item_at(RESOURCES, i); }

/* The item of that name, or FMP_ENOTFOUND with the nearest. */
static fmp_status find_named(int which, const char *what, const char *name, const void **item)
{
  char hint[96];
  fmp__nearest nearest = {.name = name};
  pthread_rwlock_rdlock(&lock);
  const list *l = &committed.lists[which];
  *item = find_unique(l, which, name, l->n);
  for (uint32_t i = 0; i < l->n && !*item; i++)
    fmp__nearest_offer(&nearest, unique_name(which, l->items[i]));
  pthread_rwlock_unlock(&lock);
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

fmp_status fmp__resource_kind_find(const char *name, const fmp__resource_kind **kind)
{
  const void *item;
  FMP_TRY(find_named(RESOURCES, "resource", name, &item));
  *kind = item;
  return FMP_OK;
}

const fmp_op *fmp__role_op(uint32_t role)
{
  pthread_rwlock_rdlock(&lock);
  const fmp_op *op = role_ops[role];
  pthread_rwlock_unlock(&lock);
  return op;
}

fmp_status fmp__role_require(uint32_t role, const fmp_op **op)
{
  static const char *const abilities[FMP_ROLE_COUNT] = {
      "nothing", "adds two tensors", "makes a constant like another tensor",
      "converts data types", "makes strided tensors contiguous"};
  *op = fmp__role_op(role);
  if (*op) return FMP_OK;
  return fmp__fail(FMP_EUNSUPPORTED, "no plugin is loaded with an op that %s (role %u)",
                   abilities[role], role);
}
