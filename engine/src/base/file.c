/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading regular files into memory. kit/file.h does the system calls, since plugins need them too;
 * here they get the engine's statuses and look at the Ctrl-C flag. */
#define _POSIX_C_SOURCE 200809L

#include "base/file.h"

#include "base/status.h"
#include "base/stop.h"
#include "fmp/kit/file.h"

fmp_status fmp__fail_system(const char *action)
{
  return fmp__fail(FMP_EIO, "cannot %s: %s", action, strerror(errno));
}

fmp_status fmp__file_open(const char *path, int *file, int64_t *size)
{
  struct stat about;
  char why[256];
  *file = fmp_file_open(path, O_RDONLY, &about, why, sizeof why);
  if (*file < 0) return fmp__fail(FMP_EIO, "%s", why);
  *size = (int64_t)about.st_size;
  return FMP_OK;
}

void fmp__file_close(int file)
{
  if (file >= 0) close(file);
}

/* In pieces of 16 MB, with a look at the Ctrl-C flag before each: a sparse file can be terabytes
 * long without taking room on the disk. The size was taken when the file was opened, so a short
 * read means that somebody has cut the file since. */
fmp_status fmp__file_read(int file, int64_t offset, void *bytes, int64_t n)
{
  const int64_t piece = 1 << 24;
  for (int64_t done = 0; done < n;) {
    const int64_t wanted = n - done < piece ? n - done : piece;
    FMP_TRY(fmp__check_interrupt());
    const ssize_t got =
        fmp_file_read(file, (char *)bytes + done, (size_t)wanted, (off_t)(offset + done));
    if (got < 0) return fmp__fail_system("read it");
    if (got < wanted)
      return fmp__fail(FMP_EDATA, "the file became shorter while it was being read");
    done += got;
  }
  return FMP_OK;
}
