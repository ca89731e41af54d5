/* SPDX-License-Identifier: Apache-2.0 */
#include "define/definition.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

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
      return fmp__fail(FMP_EPLUGIN, "%s: byte %zu of the definition is of a newer ABI and not zero",
                       what, i);
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

void fmp__op_free(fmp_op *op)
{
  fmp__attr_table_free(&op->attrs);
  fmp__free((char *)op->def.name);
  fmp__free((char *)op->def.schema);
  fmp__free((char *)op->def.doc);
  fmp__free((char *)op->def.gradient_ops);
  fmp__free(op);
}

/* A view has to be of something. */
static fmp_status check_alias(const fmp_op *op)
{
  const fmp__schema *s = &op->schema;
  if (!op->def.alias) return FMP_OK;
  if (s->n_in < 1 || s->n_out != 1)
    return fmp__fail(FMP_EPLUGIN, "expected one output of an op that aliases input 0");
  if ((s->in[0].marks & (FMP_ARG_OPTIONAL | FMP_ARG_SPEC_ONLY)) || s->out[0].marks)
    return fmp__fail(FMP_EPLUGIN, "expected an input 0 that is always there, with its data, and an "
                                  "output without marks, of an op that is an alias");
  return FMP_OK;
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
  return check_alias(op);
}

static fmp_status fill_op(fmp_op *op, const fmp_op_def *def)
{
  const fmp_attr_def *attrs;
  FMP_TRY(copy_sized("op", def, FMP_SIZE_UNTIL(fmp_op_def, infer), sizeof *def, &op->def));
  attrs = op->def.attrs;
  op->def.attrs = NULL;
  const char **const texts[] = {&op->def.name, &op->def.schema, &op->def.doc, &op->def.gradient_ops,
                                NULL};
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

fmp_status fmp__op_define(fmp_op *op, const fmp_op_def *def)
{
  const fmp_status status = fill_op(op, def);
  const char *name = given_name(def);
  return status == FMP_OK || !name ? status : fmp__fail_in(status, "op '%s'", name);
}

/* -- kernels --------------------------------------------------------------- */

void fmp__kernel_free(fmp__kernel *k)
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
  if (!pairs || k->def.n_inplace > 64)
    return fmp__fail(FMP_EPLUGIN, "kernel: expected at most 64 in-place pairs, got %u%s",
                     k->def.n_inplace, pairs ? "" : " that are not there");
  fmp_inplace *copy = fmp__alloc(bytes);
  if (!copy) return fmp__no_memory("a definition");
  memcpy(copy, pairs, bytes);
  k->def.inplace = copy;
  return FMP_OK;
}

fmp_status fmp__kernel_define(fmp__kernel *k, const fmp_kernel_def *def)
{
  FMP_TRY(copy_sized("kernel", def, FMP_SIZE_UNTIL(fmp_kernel_def, run), sizeof *def, &k->def));
  const char **const texts[] = {&k->def.op, &k->def.backend, &k->def.name, NULL};
  const fmp_status owned = own_texts(texts);
  FMP_TRY(own_inplace(k));
  FMP_TRY(owned);
  if (strcmp(k->def.op ? k->def.op : "", "*") != 0) FMP_TRY(check_name("kernel's op", k->def.op));
  FMP_TRY(check_name("kernel's backend", k->def.backend));
  FMP_TRY(check_name("kernel", k->def.name));
  FMP_TRY(check_flags(k->def.flags, FMP_KERNEL_STRIDED | FMP_KERNEL_WIDENS));
  return k->def.run ? FMP_OK
                    : fmp__fail(FMP_EPLUGIN, "kernel '%s' of '%s': expected a run function",
                                k->def.name, k->def.op);
}

/* -- backends, resources, rewrites ----------------------------------------- */

void fmp__backend_free(fmp__backend *b)
{
  fmp__free((char *)b->def.name);
  fmp__free((char *)b->def.doc);
  fmp__free(b);
}

fmp_status fmp__backend_define(fmp__backend *b, const fmp_backend_def *def)
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

void fmp__resource_kind_free(fmp__resource_kind *k)
{
  fmp__free((char *)k->def.interfaces);
  fmp__attr_table_free(&k->attrs);
  fmp__free((char *)k->def.name);
  fmp__free((char *)k->def.doc);
  fmp__free(k);
}

fmp_status fmp__resource_kind_define(fmp__resource_kind *k, const fmp_resource_def *def)
{
  FMP_TRY(
      copy_sized("resource", def, FMP_SIZE_UNTIL(fmp_resource_def, close), sizeof *def, &k->def));
  const fmp_attr_def *attrs = k->def.attrs;
  k->def.attrs = NULL;
  const char **const texts[] = {&k->def.name, &k->def.doc, &k->def.interfaces, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("resource", k->def.name));
  FMP_TRY(check_reserved(k->def.reserved));
  FMP_TRY(
      fmp__attr_table_copy(attrs, k->def.n_attr, k->def.attr_size, k->def.params_size, &k->attrs));
  if (k->def.open && k->def.close) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "resource '%s': expected open and close", k->def.name);
}

void fmp__rewrite_free(fmp__rewrite *w)
{
  fmp__free((char *)w->def.name);
  fmp__free((char *)w->def.chain);
  fmp__free(w);
}

fmp_status fmp__rewrite_define(fmp__rewrite *w, const fmp_rewrite_def *def)
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
