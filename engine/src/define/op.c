/* SPDX-License-Identifier: Apache-2.0
 * What callers can ask of a registered op. */
#include "fmp/api.h"
#include "define/registry.h"
#include "base/status.h"

void fmp_op_describe(const fmp_op *op, fmp_op_info *info)
{
  *info = (fmp_op_info){0};
  if (!op) return;
  const fmp_op_def *d = &op->def;
  *info = (fmp_op_info){.name = d->name,
                        .schema = d->schema,
                        .doc = d->doc ? d->doc : "",
                        .plugin = op->plugin->name,
                        .gradient_ops = d->gradient_ops ? d->gradient_ops : "",
                        .version = d->version,
                        .flags = d->flags,
                        .precision = d->precision,
                        .role = d->role,
                        .n_in = (int32_t)op->schema.n_in,
                        .n_out = (int32_t)op->schema.n_out,
                        .n_attr = (int32_t)op->attrs.n,
                        .differentiable = d->gradient != NULL,
                        .variadic = (int32_t)op->schema.group,
                        .alias = d->alias != NULL};
}

static fmp_status describe_arg(const fmp_op *op, const fmp__arg *args, uint32_t n, int32_t i,
                               const char *what, fmp_arg_info *info)
{
  if (i < 0 || (uint32_t)i >= n)
    return fmp__fail(FMP_ENOTFOUND, "%s: no %s number %d", op->def.name, what, i);
  *info = (fmp_arg_info){args[i].name, args[i].marks};
  return FMP_OK;
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
  const fmp_attr_def *d = &op->attrs.defs[i];
  *info = (fmp_attr_info){d->name, d->doc, d->fallback, d->allowed, d->kind};
  return FMP_OK;
}
