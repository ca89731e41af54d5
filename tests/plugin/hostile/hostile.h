/* SPDX-License-Identifier: Apache-2.0
 * What the hostile plugins share: an op with nothing wrong in it, to be spoilt. */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "fmp/plugin.h"

static inline fmp_status same_spec(const fmp_infer_args *a)
{
  a->out[0] = a->in[0];
  return FMP_OK;
}

static inline fmp_op_def plain_op(const char *name)
{
  fmp_op_def def = {0};
  def.struct_size = sizeof def;
  def.name = name;
  def.schema = "(x) -> (y)";
  def.doc = "Nothing.";
  def.version = 1;
  def.attr_size = sizeof(fmp_attr_def);
  def.infer = same_spec;
  return def;
}

/* An entry that states what it likes; designated, so that a test says what it spoils. */
#define ENTRY(plugin, entry_load)                                                               \
  .struct_size = sizeof(fmp_plugin), .abi_major = FMP_ABI_MAJOR, .view_size = sizeof(fmp_view), \
  .spec_size = sizeof(fmp_spec), .attr_size = sizeof(fmp_attr), .name = (plugin),               \
  .version = "1.0", .summary = "", .load = (entry_load)

/* A load() that must never run says so where a test can see it. */
static inline fmp_status never(const fmp_host *h, fmp_registry *r)
{
  (void)r;
  return h->fail(FMP_EPLUGIN, "load() ran");
}

#endif
