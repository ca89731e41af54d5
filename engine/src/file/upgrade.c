/* SPDX-License-Identifier: Apache-2.0
 *
 * Versions of ops. An op states the oldest version whose saved nodes it still runs; from there to
 * its own version, upgrade() may rename, add or drop attributes. It works on texts, since the old
 * table no longer exists. */
#include "file/upgrade.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/status.h"

/* What upgrade() is lent: a copy of the node's attributes, which it may change as it likes. */
struct fmp_saved {
  json_t *attrs; /* names to texts */
};

/* Two texts, since most ops run their own version alone, and a range of one reads oddly. */
fmp_status fmp__check_version(const fmp_op *op, int64_t version)
{
  const fmp_op_def *def = &op->def;
  const uint32_t oldest = def->oldest_version ? def->oldest_version : def->version;
  if (version >= oldest && version <= def->version) return FMP_OK;
  if (oldest == def->version)
    return fmp__fail(FMP_EUNSUPPORTED,
                     "saved with version %" PRId64 " of op %s, this is version %u", version,
                     def->name, def->version);
  return fmp__fail(FMP_EUNSUPPORTED,
                   "saved with version %" PRId64 " of op %s, this one runs versions %u to %u",
                   version, def->name, oldest, def->version);
}

static fmp_status call_upgrade(const fmp_op *op, uint32_t version, fmp_saved *saved)
{
  const fmp_upgrade_args args = {.struct_size = sizeof args,
                                 .host = op->plugin->host,
                                 .data = op->def.data,
                                 .op = op,
                                 .saved = saved,
                                 .version = version};
  fmp__error_clear();
  const fmp_status status = fmp__plugin_status(op->def.upgrade(&args), "upgrade");
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "upgrade of op %s", op->def.name);
}

/* Always a copy, also without an upgrade, so that the caller has one object to release in any
 * case. */
fmp_status fmp__upgrade_attrs(const fmp_op *op, uint32_t version, json_t *attrs, json_t **upgraded)
{
  fmp_saved saved = {.attrs = json_deep_copy(attrs)};
  if (!saved.attrs) return fmp__no_memory("a node's attributes");
  fmp_status status = FMP_OK;
  if (op->def.upgrade && version != op->def.version) status = call_upgrade(op, version, &saved);
  *upgraded = fmp__json_whole(saved.attrs, status != FMP_OK);
  return status;
}

const char *fmp__saved_get(fmp_saved *saved, const char *name)
{
  return saved && name ? json_string_value(json_object_get(saved->attrs, name)) : NULL;
}

fmp_status fmp__saved_set(fmp_saved *saved, const char *name, const char *text)
{
  FMP_TRY(fmp__require(saved, "the saved attributes that upgrade was given"));
  FMP_TRY(fmp__require(name, "the name of an attribute"));
  if (!text) {
    json_object_del(saved->attrs, name); /* it is no failure if there was none */
    return FMP_OK;
  }
  if (!fmp__json_set(saved->attrs, name, json_string(text))) return FMP_OK;
  return fmp__fail(FMP_EINVAL, "attribute '%s': expected UTF-8", name);
}
