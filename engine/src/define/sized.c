/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies between structs of different ages. Fields are only ever appended, so that a prefix of
 * equal length means the same on both sides. */
#include "define/sized.h"

#include <string.h>

#include "base/status.h"

/* No struct of any version is so large: a size that is garbage must not be read or written. */
enum { MOST_BYTES = 65536 };

fmp_status fmp__give_sized(const char *what, const void *filled, void *to)
{
  size_t size, known;
  FMP_TRY(fmp__require(to, what));
  memcpy(&size, to, sizeof size);
  memcpy(&known, filled, sizeof known);
  if (size <= sizeof size || size > MOST_BYTES)
    return fmp__fail(FMP_EINVAL, "%s: expected its struct_size to be set, got %zu", what, size);
  memset(to, 0, size);
  memcpy(to, filled, size < known ? size : known);
  memcpy(to, &size, sizeof size);
  return FMP_OK;
}

fmp_status fmp__copy_sized(const char *what, const void *from, size_t size, fmp__sizes sizes,
                           void *to)
{
  memset(to, 0, sizes.known);
  if (size < sizes.least || size > MOST_BYTES)
    return fmp__fail(FMP_EPLUGIN, "%s: expected at least %zu bytes, got %zu", what, sizes.least,
                     size);
  for (size_t i = sizes.known; i < size; i++)
    if (((const unsigned char *)from)[i] != 0)
      return fmp__fail(FMP_EPLUGIN, "%s: byte %zu belongs to a newer ABI and is not zero", what, i);
  memcpy(to, from, size < sizes.known ? size : sizes.known);
  return FMP_OK;
}
