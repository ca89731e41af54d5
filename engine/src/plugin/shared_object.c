/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks of an ELF file, as far as the loader trusts it: that it is a shared object for this
 * machine, and that all of its segments lie inside the file. It is no protection against a
 * malicious plugin, which could do anything once it runs; it is for copies that were
 * interrupted. */
#include "plugin/shared_object.h"

#include <elf.h>
#include <inttypes.h>
#include <link.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/status.h"

_Static_assert(__ELF_NATIVE_CLASS == 64, "headers are read as those of 64 bits");

/* Linkers make a dozen; the bound keeps the table on the stack. */
enum { MOST_SEGMENTS = 256 };

/* Our own header, which the linker has put in front of this library: whatever loads us loads what
 * agrees with it in class, byte order and machine. */
extern const Elf64_Ehdr own __asm__("__ehdr_start") __attribute__((visibility("hidden")));

static fmp_status check_ident(const Elf64_Ehdr *header)
{
  if (memcmp(header->e_ident, own.e_ident, SELFMAG) != 0)
    return fmp__fail(FMP_EPLUGIN, "expected a shared object, got another file");
  if (header->e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
      header->e_ident[EI_DATA] != own.e_ident[EI_DATA] || header->e_machine != own.e_machine)
    return fmp__fail(FMP_EPLUGIN, "expected a shared object for machine %u, got one for %u",
                     own.e_machine, header->e_machine);
  if (header->e_type != ET_DYN)
    return fmp__fail(FMP_EPLUGIN, "expected a shared object, got an ELF file of type %u",
                     header->e_type);
  return FMP_OK;
}

/* *bytes: how large the table of program headers is. */
static fmp_status check_table(const Elf64_Ehdr *header, uint64_t *bytes)
{
  const uint32_t n = header->e_phnum;
  if (header->e_phentsize != sizeof(Elf64_Phdr) || n < 1 || n > MOST_SEGMENTS)
    return fmp__fail(FMP_EPLUGIN, "expected 1 to %d program headers of %zu bytes, got %u of %u",
                     (int)MOST_SEGMENTS, sizeof(Elf64_Phdr), n, header->e_phentsize);
  *bytes = n * sizeof(Elf64_Phdr);
  return FMP_OK;
}

/* Does [offset, offset + bytes) lie inside the file? The sum may overflow. */
static fmp_status check_end(uint64_t offset, uint64_t bytes, int64_t size)
{
  if (offset <= UINT64_MAX - bytes && offset + bytes <= (uint64_t)size) return FMP_OK;
  if (offset > UINT64_MAX - bytes)
    return fmp__fail(FMP_EPLUGIN, "a damaged file: %" PRIu64 " bytes at %" PRIu64, bytes, offset);
  return fmp__fail(FMP_EPLUGIN, "a file cut short: expected %" PRIu64 " bytes, got %" PRId64,
                   offset + bytes, size);
}

/* The segment that ends last says how long the file should be, and that is what the message tells.
 * Section headers behind it are not loaded, so a file that lacks them is accepted. */
static fmp_status check_segments(const Elf64_Phdr *segments, uint32_t n, int64_t size)
{
  uint64_t offset = 0, bytes = 0;
  for (uint32_t i = 0; i < n; i++) {
    const Elf64_Phdr *s = &segments[i];
    if (s->p_type == PT_NULL) continue;
    if (s->p_type == PT_LOAD && (s->p_filesz > s->p_memsz || s->p_vaddr > UINT64_MAX - s->p_memsz))
      return fmp__fail(FMP_EPLUGIN, "a damaged file: segment %u cannot lie in memory", i + 1);
    if (s->p_offset > UINT64_MAX - s->p_filesz) return check_end(s->p_offset, s->p_filesz, size);
    if (s->p_offset + s->p_filesz < offset + bytes) continue;
    offset = s->p_offset;
    bytes = s->p_filesz;
  }
  return check_end(offset, bytes, size);
}

static fmp_status check_opened(int file, int64_t size)
{
  Elf64_Ehdr header;
  Elf64_Phdr segments[MOST_SEGMENTS];
  uint64_t bytes = 0;
  FMP_TRY(check_end(0, sizeof header, size));
  FMP_TRY(fmp__file_read(file, 0, &header, sizeof header));
  FMP_TRY(check_ident(&header));
  FMP_TRY(check_table(&header, &bytes));
  FMP_TRY(check_end(header.e_phoff, bytes, size));
  FMP_TRY(fmp__file_read(file, (int64_t)header.e_phoff, segments, (int64_t)bytes));
  return check_segments(segments, header.e_phnum, size);
}

fmp_status fmp__shared_object_check(const char *path)
{
  int file;
  int64_t size;
  FMP_TRY(fmp__file_open(path, &file, &size));
  const fmp_status status = check_opened(file, size);
  fmp__file_close(file);
  return status;
}
