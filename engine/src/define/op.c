/* SPDX-License-Identifier: Apache-2.0
 *
 * What callers can ask about a registered op. Texts are borrowed for good: ops are never removed.
 * The structs are the caller's, of any age (sized.h), and texts that a plugin left out are "", so
 * that callers need not look for NULL. */
#include "base/status.h"
#include "define/registry.h"
#include "define/sized.h"
#include "fmp/api.h"

fmp_status fmp_op_describe(const fmp_op *op, fmp_op_info *info)
{
  FMP_TRY(fmp__require(op, "an op"));
  const fmp_op_def *d = &op->def;
  const fmp_op_info filled = {.struct_size = sizeof filled,
                              .name = d->name,
                              .schema = d->schema,
                              .doc = d->doc ? d->doc : "",
                              .plugin = op->plugin->name,
                              .gradient_ops = d->gradient_ops ? d->gradient_ops : "",
                              .version = d->version,
                              .oldest_version = d->oldest_version,
                              .flags = d->flags,
                              .precision = d->precision,
                              .role = d->role,
                              .n_in = (int32_t)op->schema.n_in,
                              .n_out = (int32_t)op->schema.n_out,
                              .n_attr = (int32_t)op->attrs.n,
                              .differentiable = d->gradient != NULL,
                              .variadic = (int32_t)op->schema.group,
                              .alias = d->alias != NULL};
  return fmp__give_sized("an op's description", &filled, info);
}

static fmp_status describe_arg(const fmp_op *op, const fmp__arg *args, uint32_t n, int32_t i,
                               const char *what, fmp_arg_info *info)
{
  if (i < 0 || (uint32_t)i >= n)
    return fmp__fail(FMP_ENOTFOUND, "%s: no %s number %d", op->def.name, what, i);
  const fmp_arg_info filled = {sizeof filled, args[i].name, args[i].marks};
  return fmp__give_sized("an argument's description", &filled, info);
}

fmp_status fmp_op_input(const fmp_op *op, int32_t i, fmp_arg_info *info)
{
  FMP_TRY(fmp__require(op, "an op"));
  return describe_arg(op, op->schema.in, op->schema.n_in, i, "input", info);
}

fmp_status fmp_op_output(const fmp_op *op, int32_t i, fmp_arg_info *info)
{
  FMP_TRY(fmp__require(op, "an op"));
  return describe_arg(op, op->schema.out, op->schema.n_out, i, "output", info);
}

fmp_status fmp_op_attr(const fmp_op *op, int32_t i, fmp_attr_info *info)
{
  FMP_TRY(fmp__require(op, "an op"));
  if (i < 0 || (uint32_t)i >= op->attrs.n)
    return fmp__fail(FMP_ENOTFOUND, "%s: no attribute number %d", op->def.name, i);
  return fmp__attr_describe(&op->attrs, (uint32_t)i, info);
}
