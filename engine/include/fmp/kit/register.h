/* SPDX-License-Identifier: Apache-2.0
 *
 * kit/register.h: tables of definitions, registered. In load(), or whatever it calls:
 *
 *   static const fmp_op_def ops[] = {...};
 *   static const fmp_kernel_def kernels[] = {...};
 *   FMP_TRY(FMP_ADD_OPS(h, r, ops));
 *   return FMP_ADD_KERNELS(h, r, kernels);
 *
 * Every row states its own struct_size, since only its author knows which fields he has filled. The
 * first row that is refused ends it, with the text kept; then nothing of the plugin is registered,
 * so there is nothing to undo. The engine copies the rows' texts and arrays and keeps their
 * functions and `data`.  [load] */
#ifndef FMP_KIT_REGISTER_H
#define FMP_KIT_REGISTER_H

#include "fmp/plugin.h"

/* Of arrays, not of pointers: the number of rows is taken from the array's size. */
#define FMP_ROWS(table)               ((uint32_t)(sizeof(table) / sizeof((table)[0])))
#define FMP_ADD_OPS(h, r, table)      fmp_add_ops((h), (r), (table), FMP_ROWS(table))
#define FMP_ADD_KERNELS(h, r, table)  fmp_add_kernels((h), (r), (table), FMP_ROWS(table))
#define FMP_ADD_REWRITES(h, r, table) fmp_add_rewrites((h), (r), (table), FMP_ROWS(table))

/* n rows, in order. The order counts for kernels of equal priority and for rewrites of one
 * phase. */
static inline fmp_status fmp_add_ops(const fmp_host *h, fmp_registry *r, const fmp_op_def *rows,
                                     uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) FMP_TRY(h->add_op(r, &rows[i]));
  return FMP_OK;
}

/* Kernels may come before their op or their backend, and belong to another plugin's. */
static inline fmp_status fmp_add_kernels(const fmp_host *h, fmp_registry *r,
                                         const fmp_kernel_def *rows, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) FMP_TRY(h->add_kernel(r, &rows[i]));
  return FMP_OK;
}

/* Rewrites of ops that no plugin brings are registered and never match. */
static inline fmp_status fmp_add_rewrites(const fmp_host *h, fmp_registry *r,
                                          const fmp_rewrite_def *rows, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++) FMP_TRY(h->add_rewrite(r, &rows[i]));
  return FMP_OK;
}

#endif
