/* SPDX-License-Identifier: Apache-2.0
 *
 * Ops that were registered, and copies of their params: an accelerator reads them when a kernel is
 * launched, and the caller may free them as soon as run() has returned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "far.h"

enum { MOST_OPS = 512 };

static far_op ops[MOST_OPS];
static int n_ops;

/* Rows may be shorter or longer than ours; what we read is at their beginning. */
static fmp_attr_def *copy_rows(const fmp_op_def *def)
{
  const size_t known =
      def->attr_size < sizeof(fmp_attr_def) ? def->attr_size : sizeof(fmp_attr_def);
  fmp_attr_def *rows = calloc(def->n_attr + 1, sizeof *rows);
  for (uint32_t i = 0; rows && i < def->n_attr; i++)
    memcpy(&rows[i], (const char *)def->attrs + i * def->attr_size, known);
  return rows;
}

void far_remember_op(const fmp_op_def *def)
{
  if (n_ops == MOST_OPS) return;
  far_op *op = &ops[n_ops++];
  snprintf(op->name, sizeof op->name, "%s", def->name);
  op->flags = def->flags;
  op->params_size = def->params_size;
  op->n_attr = def->n_attr;
  op->attrs = copy_rows(def);
}

const far_op *far_find_op(const char *name)
{
  for (int i = 0; i < n_ops; i++)
    if (strcmp(ops[i].name, name) == 0) return &ops[i];
  return NULL;
}

/* -- copies ---------------------------------------------------------------- */

static size_t item_size(uint32_t kind)
{
  switch (kind & ~(uint32_t)FMP_ATTR_LIST) {
  case FMP_ATTR_BOOL:
  case FMP_ATTR_DTYPE: return sizeof(int32_t);
  case FMP_ATTR_STRING: return sizeof(const char *);
  default: return sizeof(int64_t);
  }
}

/* A block that grows from `at`; with at NULL it is only measured. */
typedef struct block {
  char *at;
  size_t used;
} block;

static void *put(block *b, const void *bytes, size_t n)
{
  void *copy = b->at ? b->at + b->used : NULL;
  if (copy && n) memcpy(copy, bytes, n);
  b->used += (n + 15) / 16 * 16;
  return copy;
}

static const char *put_text(block *b, const char *text)
{
  return text ? put(b, text, strlen(text) + 1) : NULL;
}

static void put_list(block *b, uint32_t kind, fmp_list *list)
{
  const size_t n = (size_t)list->count;
  const char *const *texts = list->items;
  const char **copies = put(b, list->items, n * item_size(kind));
  if (kind == FMP_ATTR_STRINGS)
    for (size_t i = 0; i < n; i++) {
      const char *copy = put_text(b, texts[i]);
      if (copies) copies[i] = copy;
    }
  list->items = copies;
}

/* The struct first, then what its fields point to. */
static void *put_params(block *b, const far_op *op, const void *params)
{
  char *copy = put(b, params, op->params_size);
  for (uint32_t i = 0; i < op->n_attr; i++) {
    const char *from = (const char *)params + op->attrs[i].offset;
    if (op->attrs[i].kind == FMP_ATTR_STRING) {
      const char *text;
      memcpy(&text, from, sizeof text);
      text = put_text(b, text);
      if (copy) memcpy(copy + op->attrs[i].offset, &text, sizeof text);
    } else if (op->attrs[i].kind & FMP_ATTR_LIST) {
      fmp_list list;
      memcpy(&list, from, sizeof list);
      put_list(b, op->attrs[i].kind, &list);
      if (copy) memcpy(copy + op->attrs[i].offset, &list, sizeof list);
    }
  }
  return copy;
}

void *far_copy_params(const far_op *op, const void *params)
{
  block b = {NULL, 0};
  put_params(&b, op, params);
  b = (block){malloc(b.used + 1), 0};
  return b.at ? put_params(&b, op, params) : NULL;
}
