/* SPDX-License-Identifier: Apache-2.0
 * Unpacking of gzip files, RFC 1952. zlib verifies the checksum and length of each member. */
#include "file.h"

#include <string.h>
#include <zlib.h>

enum { CHUNK = 1 << 16 };

struct unpacking {
  const fmp_host *h;
  struct file *f;
  char *why;
  z_stream z;
  int64_t most;         /* bytes of content */
  int64_t room;         /* bytes of f->bytes, at most one more; f->size of them are filled */
  int64_t read, packed; /* bytes of the file */
  unsigned char in[CHUNK];
};

static voidpf take_memory(voidpf h, uInt items, uInt size)
{
  return ((const fmp_host *)h)->alloc((size_t)items * size);
}

static void give_memory(voidpf h, voidpf memory) { ((const fmp_host *)h)->free(memory); }

static fmp_status damaged(const struct unpacking *u, const char *what)
{
  return fmp_source_fail(u->why, FMP_EDATA, "%s: damaged gzip file: %s", u->f->name, what);
}

/* What the size of the file allows. */
static int64_t most_by_ratio(int64_t packed)
{
  const int64_t most = packed > INT64_MAX / FILE_MOST_RATIO ? INT64_MAX : packed * FILE_MOST_RATIO;
  return most > FILE_FREE_BYTES ? most : FILE_FREE_BYTES;
}

static fmp_status too_long(const struct unpacking *u)
{
  if (u->most < most_by_ratio(u->packed))
    return fmp_source_fail(u->why, FMP_EDATA, "%s: expected %lld bytes by its header, got more",
                           u->f->name, (long long)u->most);
  return fmp_source_fail(
      u->why, FMP_EDATA,
      "%s: unpacks to more than %lld bytes, which is more than images need: if that is "
      "intended, unpack it with gunzip",
      u->f->name, (long long)u->most);
}

/* Doubles the room for the content. */
static fmp_status grow(struct unpacking *u)
{
  int64_t room = u->room ? 2 * u->room : 4 * (int64_t)CHUNK;
  if (u->room > u->most) return too_long(u);
  if (room > u->most) room = u->most + 1;
  unsigned char *bytes = u->h->alloc((size_t)room);
  if (!bytes)
    return fmp_source_fail(u->why, FMP_ENOMEM, "%s: no memory for %lld bytes", u->f->name,
                           (long long)room);
  if (u->f->size) memcpy(bytes, u->f->bytes, (size_t)u->f->size);
  u->h->free(u->f->bytes);
  u->f->bytes = bytes;
  u->room = room;
  return FMP_OK;
}

/* The file's next bytes, if zlib has used up the last ones. */
static fmp_status feed(struct unpacking *u)
{
  const int64_t left = u->packed - u->read, n = left < CHUNK ? left : CHUNK;
  if (u->z.avail_in > 0) return FMP_OK;
  if (n == 0) return damaged(u, "it is cut short");
  FMP_TRY(file_check_interrupt(u->h, u->why));
  const struct file packed = {.name = u->f->name, .fd = u->f->fd, .size = u->packed};
  FMP_TRY(file_read(&packed, u->read, u->in, n, u->why));
  u->read += n;
  u->z.next_in = u->in;
  u->z.avail_in = (uInt)n;
  return FMP_OK;
}

/* One call of zlib. *ended: the member is complete. */
static fmp_status inflate_some(struct unpacking *u, int *ended)
{
  FMP_TRY(feed(u));
  if (u->f->size == u->room) FMP_TRY(grow(u));
  const int64_t left = u->room - u->f->size;
  u->z.next_out = u->f->bytes + u->f->size;
  u->z.avail_out = (uInt)(left < (1 << 30) ? left : 1 << 30);
  const uInt before = u->z.avail_out;
  const int result = inflate(&u->z, Z_NO_FLUSH);
  u->f->size += before - u->z.avail_out;
  *ended = result == Z_STREAM_END;
  if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) return FMP_OK;
  if (result == Z_MEM_ERROR)
    return fmp_source_fail(u->why, FMP_ENOMEM, "%s: no memory to unpack it", u->f->name);
  return damaged(u, u->z.msg ? u->z.msg : "its content is invalid");
}

static fmp_status inflate_all(struct unpacking *u)
{
  for (;;) {
    int ended = 0;
    while (!ended) FMP_TRY(inflate_some(u, &ended));
    if (u->z.avail_in == 0 && u->read == u->packed) return FMP_OK;
    inflateReset(&u->z); /* another member follows */
  }
}

static fmp_status inflate_head(struct unpacking *u)
{
  int ended = 0;
  while (!ended && u->f->size < u->most) FMP_TRY(inflate_some(u, &ended));
  return FMP_OK;
}

fmp_status file_inflate(const fmp_host *h, struct file *f, int64_t most, int head, char *why)
{
  const int64_t by_ratio = most_by_ratio(f->packed);
  struct unpacking *u = h->alloc(sizeof *u);
  if (!u) return fmp_source_fail(why, FMP_ENOMEM, "%s: no memory to unpack it", f->name);
  *u = (struct unpacking){.h = h, .f = f, .why = why, .packed = f->packed};
  u->most = most < by_ratio ? most : by_ratio;
  u->z.zalloc = take_memory;
  u->z.zfree = give_memory;
  u->z.opaque = (voidpf)h;
  f->size = 0;
  fmp_status status;
  if (inflateInit2(&u->z, 15 + 16) != Z_OK) { /* the largest window; gzip only */
    status = fmp_source_fail(why, FMP_ENOMEM, "%s: no memory to unpack it", f->name);
  } else {
    status = head ? inflate_head(u) : inflate_all(u);
    inflateEnd(&u->z);
  }
  h->free(u);
  return status;
}
