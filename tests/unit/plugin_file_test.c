/* SPDX-License-Identifier: Apache-2.0
 * Files that are not complete plugins: cut short anywhere, or with a header that lies. The loader
 * would map memory that the file does not have; each is refused before the loader sees it. */
#include "support.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *bytes;
static size_t n;

static int read_plugin(void **state)
{
  (void)state;
  bytes = read_file(FMP_TEST_PLUGINS "/hostile/fmp_bad_source.so", &n);
  return 0;
}

static int forget_plugin(void **state)
{
  (void)state;
  free(bytes);
  return 0;
}

/* Where the last segment ends: what is behind it the loader does not read. */
static size_t needed(void)
{
  Elf64_Ehdr header;
  size_t end = 0;
  memcpy(&header, bytes, sizeof header);
  for (int i = 0; i < header.e_phnum; i++) {
    Elf64_Phdr s;
    memcpy(&s, bytes + header.e_phoff + (size_t)i * sizeof s, sizeof s);
    if (s.p_offset + s.p_filesz > end) end = s.p_offset + s.p_filesz;
  }
  return end;
}

static void refuse(size_t length, const char *text)
{
  const char *path = scratch_path("fmp_changed.so");
  const int32_t before = fmp_plugin_count();
  write_file(path, bytes, length);
  FAILS(fmp_plugin_load(path), FMP_EPLUGIN, text);
  assert_non_null(strstr(fmp_last_error(), "fmp_changed.so: "));
  assert_int_equal(fmp_plugin_count(), before);
}

/* By each byte where headers are, and then in steps that meet no page's beginning. */
static void cut_short(void **state)
{
  (void)state;
  char text[100];
  const size_t end = needed();
  assert_true(end < n);
  for (size_t length = 0; length < end; length += length < 1024 ? 1 : 97) {
    snprintf(text, sizeof text, "a file cut short: expected %s",
             length < sizeof(Elf64_Ehdr) ? "64 " : "");
    refuse(length, text);
  }
  snprintf(text, sizeof text, "a file cut short: expected %zu bytes, got %zu", end, end - 1);
  refuse(end - 1, text);
}

/* What is behind the segments is not needed. */
static void without_its_sections(void **state)
{
  (void)state;
  const char *path = scratch_path("fmp_short.so");
  write_file(path, bytes, needed());
  OK(fmp_plugin_load(path));
}

/* A number of 1, 2, 4 or 8 bytes at a place, changed for one refusal. */
static void refuse_changed(size_t at, size_t size, uint64_t value, const char *text)
{
  unsigned char old[8];
  memcpy(old, bytes + at, size);
  memcpy(bytes + at, &value, size);
  refuse(n, text);
  memcpy(bytes + at, old, size);
}

#define HEADER(field) offsetof(Elf64_Ehdr, field), sizeof((Elf64_Ehdr *)0)->field

static void headers_that_lie(void **state)
{
  (void)state;
  for (size_t i = 0; i < SELFMAG; i++) refuse_changed(i, 1, 'x', "expected a shared object");
  refuse_changed(EI_CLASS, 1, ELFCLASS32, "expected a shared object for machine");
  refuse_changed(EI_DATA, 1, ELFDATA2MSB, "expected a shared object for machine");
  refuse_changed(HEADER(e_machine), EM_SPARC, "got one for 2");
  refuse_changed(HEADER(e_type), ET_EXEC, "an ELF file of type 2");
  refuse_changed(HEADER(e_phnum), 0, "program headers");
  refuse_changed(HEADER(e_phnum), 255, "");
  refuse_changed(HEADER(e_phnum), 0xffff, "got 65535");
  refuse_changed(HEADER(e_phentsize), 55, "of 56 bytes, got");
  refuse_changed(HEADER(e_phoff), n, "a file cut short");
  refuse_changed(HEADER(e_phoff), UINT64_MAX, "a damaged file");
  refuse_changed(HEADER(e_phoff), UINT64_MAX - 55, "a damaged file");
}

/* Sizes and places of each segment, at the edges of what 64 bits hold. */
static void segments_that_lie(void **state)
{
  (void)state;
  static const uint64_t values[] = {UINT64_MAX, UINT64_MAX - 4095, (uint64_t)1 << 63, 1 << 30};
  Elf64_Ehdr header;
  memcpy(&header, bytes, sizeof header);
  for (size_t i = 0; i < header.e_phnum; i++) {
    const size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Word type;
    memcpy(&type, bytes + at, sizeof type);
    if (type != PT_LOAD) continue;
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
      refuse_changed(at + offsetof(Elf64_Phdr, p_offset), 8, values[v], "a ");
      refuse_changed(at + offsetof(Elf64_Phdr, p_filesz), 8, values[v], "a damaged file");
    }
    refuse_changed(at + offsetof(Elf64_Phdr, p_vaddr), 8, UINT64_MAX, "cannot lie in memory");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cut_short),
      cmocka_unit_test(headers_that_lie),
      cmocka_unit_test(segments_that_lie),
      cmocka_unit_test(without_its_sections),
  };
  return cmocka_run_group_tests(tests, read_plugin, forget_plugin);
}
