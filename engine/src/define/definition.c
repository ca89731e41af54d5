/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of definitions. The rule behind them all: what we do not understand is refused and not
 * ignored, since an unknown flag or a nonzero reserved field is a wish that nobody would fulfil. */
#include "define/definition.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "define/sized.h"

/* -- taking over definitions ----------------------------------------------- */

/* `least` is the end of the last field that a definition cannot do without; sized.h does the
 * rest. */
static fmp_status copy_definition(const char *what, const void *def, size_t least, size_t known,
                                  void *copy)
{
  size_t size;
  if (!def) return fmp__fail(FMP_EPLUGIN, "%s: no definition given", what);
  memcpy(&size, def, sizeof size);
  return fmp__copy_sized(what, def, size, (fmp__sizes){least, known}, copy);
}

/* Names become fields in Lua, parts of file names and words in lists, so they are plain ASCII. */
static size_t identifier_length(const char *name)
{
  static const char digits[] = "0123456789";
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return strchr(digits, *name) ? 0 : strspn(name, letters);
}

enum { MOST_NAME = 63 };

static int is_identifier(const char *name)
{
  return name && *name && strlen(name) <= MOST_NAME && !name[identifier_length(name)];
}

/* An identifier, possibly behind a vendor's prefix: "acme.mish". */
static int is_name(const char *name)
{
  if (!name || !*name || strlen(name) > MOST_NAME) return 0;
  const size_t n = identifier_length(name);
  return n > 0 && (!name[n] || (name[n] == '.' && is_identifier(name + n + 1)));
}

/* `what` is the kind of thing, since a bad name cannot be quoted to say which one it is. */
static fmp_status check_name(const char *what, const char *name)
{
  if (is_name(name)) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "%s: expected a name like 'mish' or 'acme.mish', got '%s'", what,
                   name ? name : "nothing");
}

/* Replaces borrowed texts by copies; `fields` ends with NULL. If one cannot be copied, that one and
 * all behind it become NULL, so that X_free frees exactly the copies. */
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

/* Texts are our copies; const only because the public struct has them so. */
void fmp__op_free(fmp_op *op)
{
  fmp__attr_table_free(&op->attrs);
  fmp__free((char *)op->def.name);
  fmp__free((char *)op->def.schema);
  fmp__free((char *)op->def.doc);
  fmp__free((char *)op->def.gradient_ops);
  fmp__free(op);
}

/* A view must be of something that is always there, and be all that the op makes. */
static fmp_status check_alias(const fmp_op *op)
{
  const fmp__schema *s = &op->schema;
  if (!op->def.alias) return FMP_OK;
  if (s->n_in < 1 || s->n_out != 1)
    return fmp__fail(FMP_EPLUGIN, "expected an op that aliases input 0 to have one output");
  if ((s->in[0].marks & (FMP_ARG_OPTIONAL | FMP_ARG_SPEC_ONLY)) || s->out[0].marks)
    return fmp__fail(FMP_EPLUGIN, "expected an op that is an alias to have an input 0 that is "
                                  "always present, with its data, and an output without marks");
  return FMP_OK;
}

/* -- roles ----------------------------------------------------------------- */

/* What the engine counts on when it emits the op of a role (gradients, casts, copies of strided
 * inputs): it passes these inputs and this attribute and nothing else. */
static const struct {
  const char *schema; /* names do not count */
  const char *attribute;
  uint32_t kind;
} roles[FMP_ROLE_COUNT] = {
    [FMP_ROLE_ACCUMULATE] = {"(a, b) -> (y)", NULL, 0},
    [FMP_ROLE_FILL] = {"(x~) -> (y)", "value", FMP_ATTR_F64},
    [FMP_ROLE_CAST] = {"(x) -> (y)", "dtype", FMP_ATTR_DTYPE},
    [FMP_ROLE_COPY] = {"(x) -> (y)", NULL, 0},
};

/* Equal marks; names do not count. */
static int same_arguments(const fmp__arg *a, const fmp__arg *b, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (a[i].marks != b[i].marks) return 0;
  return 1;
}

static int has_schema(const fmp_op *op, const char *schema)
{
  fmp__schema wanted;
  const fmp__schema *s = &op->schema;
  return fmp__schema_parse(schema, &wanted) == FMP_OK && s->n_in == wanted.n_in &&
         s->n_out == wanted.n_out && same_arguments(s->in, wanted.in, s->n_in) &&
         same_arguments(s->out, wanted.out, s->n_out);
}

/* The role's own attribute is there, and every other one has a default. */
static fmp_status check_role_attributes(const fmp_op *op)
{
  const char *wanted = roles[op->def.role].attribute;
  int found = wanted == NULL;
  for (uint32_t i = 0; i < op->attrs.n; i++) {
    const fmp_attr_def *row = &op->attrs.defs[i];
    if (wanted && strcmp(row->name, wanted) == 0 && row->kind == roles[op->def.role].kind)
      found = 1;
    else if (!row->default_text)
      return fmp__fail(FMP_EPLUGIN, "role %u: expected a default for attribute '%s'", op->def.role,
                       row->name);
  }
  return found ? FMP_OK
               : fmp__fail(FMP_EPLUGIN, "role %u: expected an attribute '%s' of kind %s",
                           op->def.role, wanted, fmp__attr_kind_name(roles[op->def.role].kind));
}

static fmp_status check_role(const fmp_op *op)
{
  const uint32_t role = op->def.role;
  if (role == FMP_ROLE_NONE) return FMP_OK;
  if (!has_schema(op, roles[role].schema))
    return fmp__fail(FMP_EPLUGIN, "role %u: expected a schema like %s, got %s", role,
                     roles[role].schema, op->def.schema);
  return check_role_attributes(op);
}

/* What cannot be read off a single field: the parts must fit together. */
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
  if (d->oldest_version > d->version)
    return fmp__fail(FMP_EPLUGIN, "expected an oldest version of at most its own, %u, got %u",
                     d->version, d->oldest_version);
  FMP_TRY(check_role(op));
  return check_alias(op);
}

/* The plugin's table of attributes is borrowed for the length of this call only: def.attrs is set
 * to NULL at once, so that nobody can take it for ours. */
static fmp_status fill_op(fmp_op *op, const fmp_op_def *def)
{
  const fmp_attr_def *attrs;
  FMP_TRY(copy_definition("op", def, FMP_SIZE_UNTIL(fmp_op_def, infer), sizeof *def, &op->def));
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

/* The name for messages, taken from a definition that may be unusable otherwise. */
static const char *given_name(const fmp_op_def *def)
{
  const int has_name = def && def->struct_size >= FMP_SIZE_UNTIL(fmp_op_def, name);
  return has_name && is_name(def->name) ? def->name : NULL;
}

/* Puts the op's name in front of a failure, since a plugin defines many. */
fmp_status fmp__op_define(fmp_op *op, const fmp_op_def *def)
{
  const fmp_status status = fill_op(op, def);
  const char *name = given_name(def);
  return status == FMP_OK || !name ? status : fmp__fail_in(status, "op '%s'", name);
}

/* -- kernels --------------------------------------------------------------- */

/* A bound against garbage; no kernel has more inputs than a schema can name. */
enum { MOST_INPLACE = 64 };

void fmp__kernel_free(fmp__kernel *k)
{
  fmp__free((char *)k->def.op);
  fmp__free((char *)k->def.backend);
  fmp__free((char *)k->def.name);
  fmp__free((void *)k->def.inplace);
  fmp__free(k);
}

/* inplace points to the plugin's pairs until here, and must not reach fmp__kernel_free() that way:
 * it is cleared before anything can fail. */
static fmp_status own_inplace(fmp__kernel *k)
{
  const char *pairs = (const char *)k->def.inplace;
  const uint32_t n = k->def.n_inplace, size = k->def.inplace_size;
  fmp_status status = FMP_OK;
  k->def.inplace = NULL;
  k->def.inplace_size = sizeof(fmp_inplace);
  if (n == 0) return FMP_OK;
  if (!pairs || n > MOST_INPLACE)
    return fmp__fail(FMP_EPLUGIN, "kernel: expected at most %d in-place pairs, got %u%s",
                     MOST_INPLACE, n, pairs ? "" : " and no list");
  fmp_inplace *copies = fmp__alloc_zeroed(n, sizeof *copies);
  if (!copies) return fmp__no_memory("a definition");
  k->def.inplace = copies;
  for (uint32_t i = 0; i < n && status == FMP_OK; i++)
    status = fmp__copy_sized("kernel: an in-place pair", pairs + (size_t)i * size, size,
                             (fmp__sizes){sizeof *copies, sizeof *copies}, &copies[i]);
  return status;
}

int fmp__kernel_is_for_any_op(const fmp__kernel *k)
{
  return k->def.op && strcmp(k->def.op, "*") == 0;
}

/* Neither op nor backend needs to exist: either may be registered later, by another plugin. "*" is
 * a kernel for any op that has no other. */
fmp_status fmp__kernel_define(fmp__kernel *k, const fmp_kernel_def *def)
{
  FMP_TRY(
      copy_definition("kernel", def, FMP_SIZE_UNTIL(fmp_kernel_def, run), sizeof *def, &k->def));
  const char **const texts[] = {&k->def.op, &k->def.backend, &k->def.name, NULL};
  const fmp_status owned = own_texts(texts);
  FMP_TRY(own_inplace(k));
  FMP_TRY(owned);
  if (!fmp__kernel_is_for_any_op(k)) FMP_TRY(check_name("kernel's op", k->def.op));
  FMP_TRY(check_name("kernel's backend", k->def.backend));
  if (!is_identifier(k->def.name))
    return fmp__fail(FMP_EPLUGIN, "kernel of '%s': expected an identifier as name, got '%s'",
                     k->def.op, k->def.name ? k->def.name : "nothing");
  FMP_TRY(check_flags(k->def.flags,
                      FMP_KERNEL_STRIDED | FMP_KERNEL_WIDENS | FMP_KERNEL_NONDETERMINISTIC));
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

/* Functions that only make sense together, and where work comes later. */
static fmp_status check_group(const fmp_backend_def *def, int given, int n, const char *names)
{
  if (given == 0 || (given == n && def->stream_wait)) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "backend '%s': expected %s, with stream_wait, or none of them",
                   def->name, names);
}

static fmp_status check_abilities(const fmp_backend_def *d)
{
  const int events = !!d->event_open + !!d->event_close + !!d->event_record + !!d->event_sync;
  const int pinned = !!d->pinned_alloc + !!d->pinned_free;
  const int captures = !!d->capture_begin + !!d->capture_end + !!d->graph_launch + !!d->graph_free;
  FMP_TRY(check_group(d, events, 4, "event_open, event_close, event_record and event_sync"));
  FMP_TRY(check_group(d, pinned, 2, "pinned_alloc and pinned_free"));
  return check_group(d, captures, 4, "capture_begin, capture_end, graph_launch and graph_free");
}

/* The four functions that no device can do without; all others have a meaning when they are
 * absent. */
fmp_status fmp__backend_define(fmp__backend *b, const fmp_backend_def *def)
{
  FMP_TRY(
      copy_definition("backend", def, FMP_SIZE_UNTIL(fmp_backend_def, copy), sizeof *def, &b->def));
  const char **const texts[] = {&b->def.name, &b->def.doc, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("backend", b->def.name));
  FMP_TRY(check_flags(b->def.flags, FMP_BACKEND_HOST));
  FMP_TRY(check_reserved(b->def.reserved));
  FMP_TRY(check_abilities(&b->def));
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

/* open and close come as a pair: a state that nobody can close would keep its threads for ever. */
fmp_status fmp__resource_kind_define(fmp__resource_kind *k, const fmp_resource_def *def)
{
  FMP_TRY(copy_definition("resource", def, FMP_SIZE_UNTIL(fmp_resource_def, close), sizeof *def,
                          &k->def));
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

/* Refused here and not by each plan: matching keeps the chain's nodes in arrays of that length. */
static fmp_status check_chain(const fmp_rewrite_def *def)
{
  uint32_t n = 0;
  for (const char *at = def->chain; *at; at += strspn(at, " "), n++) at += strcspn(at, " ");
  if (n <= FMP__LONGEST_CHAIN) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "rewrite '%s': expected a chain of at most %d ops, got %u",
                   def->name, FMP__LONGEST_CHAIN, n);
}

/* The chain's ops need not exist: a rewrite over ops of a plugin that is absent never matches. */
fmp_status fmp__rewrite_define(fmp__rewrite *w, const fmp_rewrite_def *def)
{
  FMP_TRY(
      copy_definition("rewrite", def, FMP_SIZE_UNTIL(fmp_rewrite_def, emit), sizeof *def, &w->def));
  const char **const texts[] = {&w->def.name, &w->def.chain, NULL};
  FMP_TRY(own_texts(texts));
  FMP_TRY(check_name("rewrite", w->def.name));
  FMP_TRY(check_reserved(w->def.reserved));
  if (w->def.phase > FMP_REWRITE_AFTER_GRADIENTS)
    return fmp__fail(FMP_EPLUGIN, "rewrite '%s': unknown phase %u", w->def.name, w->def.phase);
  if (w->def.emit && w->def.chain && w->def.chain[0]) return check_chain(&w->def);
  return fmp__fail(FMP_EPLUGIN, "rewrite '%s': expected a chain of ops and emit", w->def.name);
}
