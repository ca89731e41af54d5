/* SPDX-License-Identifier: Apache-2.0
 * idx_reader: images and labels in IDX files, as MNIST comes.
 *
 * IDX: two zero bytes, the type (8: bytes), the number of dimensions, each dimension as
 * a big-endian u32, then the elements, the last dimension fastest. */
#include "idx_reader.h"

enum { IDX_U8 = 8, IDX_MOST_DIMS = 4, MOST_SIDE = 65535 };

/* -- headers --------------------------------------------------------------- */

static int64_t big_endian(const uint8_t b[4])
{
  return (int64_t)b[0] << 24 | (int64_t)b[1] << 16 | (int64_t)b[2] << 8 | b[3];
}

/* What a file must hold: `low` to `high` dimensions. */
struct layout {
  const char *what;
  int low, high;
};

static fmp_status check_magic(const struct file *f, const uint8_t magic[4], const struct layout *l,
                              char *why)
{
  if (magic[0] == 0 && magic[1] == 0 && magic[2] == IDX_U8 && magic[3] >= l->low &&
      magic[3] <= l->high)
    return FMP_OK;
  return fmp_source_fail(
      why, FMP_EDATA, "%s: expected IDX %s, which begin 00 00 08 %02x, got %02x %02x %02x %02x",
      f->name, l->what, (unsigned)l->low, magic[0], magic[1], magic[2], magic[3]);
}

/* Bytes of a file with this header. */
static fmp_status count_bytes(const struct file *f, const int64_t *dims, int rank, int64_t at,
                              int64_t *bytes, char *why)
{
  int64_t elements = 1;
  for (int i = 0; i < rank; i++) {
    const int64_t most = i == 0 ? INT32_MAX : MOST_SIDE;
    if (dims[i] < 1 || dims[i] > most)
      return fmp_source_fail(why, FMP_EDATA, "%s: expected dimension %d from 1 to %lld, got %lld",
                             f->name, i + 1, (long long)most, (long long)dims[i]);
    if (elements > (INT64_MAX - at) / dims[i])
      return fmp_source_fail(why, FMP_EDATA, "%s: is too large by its header", f->name);
    elements *= dims[i];
  }
  *bytes = at + elements;
  return FMP_OK;
}

/* The file must end where the elements do. A packed one is unpacked no further. */
static fmp_status check_size(const fmp_host *h, struct file *f, int64_t bytes, char *why)
{
  FMP_TRY(file_unpack(h, f, bytes, why));
  if (f->size == bytes) return FMP_OK;
  return fmp_source_fail(why, FMP_EDATA, "%s: expected %lld bytes by its header, got %lld", f->name,
                         (long long)bytes, (long long)f->size);
}

/* Missing dimensions read as 1. *at: where the elements begin. */
static fmp_status read_header(const fmp_host *h, struct file *f, const struct layout *l,
                              int64_t dims[IDX_MOST_DIMS], int64_t *at, char *why)
{
  uint8_t b[4 + 4 * IDX_MOST_DIMS];
  int64_t bytes = 0;
  FMP_TRY(file_head(h, f, b, 4, why));
  FMP_TRY(check_magic(f, b, l, why));
  const int rank = b[3];
  *at = 4 + 4 * (int64_t)rank;
  FMP_TRY(file_head(h, f, b, *at, why));
  for (int i = 0; i < IDX_MOST_DIMS; i++) dims[i] = i < rank ? big_endian(b + 4 + 4 * i) : 1;
  FMP_TRY(count_bytes(f, dims, rank, *at, &bytes, why));
  return check_size(h, f, bytes, why);
}

/* -- examples -------------------------------------------------------------- */

enum { IMAGE, LABEL, FIELDS };

static fmp_status read_label(const struct idx_reader *r, int64_t i, int32_t *label, char *why)
{
  uint8_t value;
  FMP_TRY(file_read(&r->labels, r->labels_at + i, &value, 1, why));
  FMP_TRY(labels_check_one(&r->labels, i, value, r->classes, why));
  *label = value;
  return FMP_OK;
}

static fmp_status read_example(const fmp_source *s, const fmp_example *e)
{
  const struct idx_reader *r = (const void *)s; /* its first member */
  const int64_t bytes = fmp_source_bytes(&r->fields[IMAGE].spec), at = r->images_at;
  if (e->data[LABEL]) FMP_TRY(read_label(r, e->index, e->data[LABEL], e->why));
  if (e->data[IMAGE] == NULL) return FMP_OK;
  return file_read(&r->images, at + e->index * bytes, e->data[IMAGE], bytes, e->why);
}

static void describe(struct idx_reader *r, const int64_t images[IDX_MOST_DIMS])
{
  r->fields[IMAGE] =
      (fmp_field){.struct_size = sizeof(fmp_field),
                  .name = "image",
                  .spec = {.dtype = FMP_U8, .rank = 3, .shape = {images[1], images[2], images[3]}},
                  .doc = "bytes [h,w,c]"};
  r->fields[LABEL] = (fmp_field){.struct_size = sizeof(fmp_field),
                                 .name = "label",
                                 .spec = {.dtype = FMP_I32},
                                 .doc = "the class, from 0"};
  r->source = (fmp_source){.struct_size = sizeof r->source,
                           .field_size = sizeof(fmp_field),
                           .count = images[0],
                           .n_fields = FIELDS,
                           .fields = r->fields,
                           .read = read_example};
}

/* -- the resource ---------------------------------------------------------- */

struct open_params {
  const char *images, *labels;
  int64_t classes;
};

static fmp_status read_headers(const fmp_host *h, struct idx_reader *r, char *why)
{
  static const struct layout of_images = {"images", 3, 4}, of_labels = {"labels", 1, 1};
  int64_t images[IDX_MOST_DIMS], labels[IDX_MOST_DIMS];
  FMP_TRY(read_header(h, &r->images, &of_images, images, &r->images_at, why));
  FMP_TRY(read_header(h, &r->labels, &of_labels, labels, &r->labels_at, why));
  if (images[0] != labels[0])
    return fmp_source_fail(why, FMP_EDATA, "%s: expected a label for each of %lld images, got %lld",
                           r->labels.name, (long long)images[0], (long long)labels[0]);
  describe(r, images);
  const struct labels l = {r->labels_at, 1, r->source.count, r->classes};
  return labels_check(h, &r->labels, &l, why);
}

static void close_reader(const fmp_resource_args *a)
{
  const fmp_host *h = a->host;
  void *state = a->state;
  struct idx_reader *r = state;
  file_close(h, &r->images);
  file_close(h, &r->labels);
  h->free(r);
}

static fmp_status open_files(const fmp_host *h, const struct open_params *p, struct idx_reader *r,
                             char *why)
{
  FMP_TRY(file_open(h, p->images, &r->images, why));
  FMP_TRY(file_open(h, p->labels, &r->labels, why));
  return read_headers(h, r, why);
}

static fmp_status open_reader(const fmp_resource_args *a, void **state)
{
  const struct open_params *p = a->params;
  char why[FMP_SOURCE_WHY];
  struct idx_reader *r = a->host->alloc(sizeof *r);
  FMP_REQUIRE(a->host, r != NULL, FMP_ENOMEM, "no memory for a reader");
  *r = (struct idx_reader){.images.fd = -1, .labels.fd = -1, .classes = p->classes};
  const fmp_status status = open_files(a->host, p, r, why);
  if (status != FMP_OK) {
    close_reader(&(fmp_resource_args){
        .struct_size = sizeof(fmp_resource_args), .host = a->host, .state = r});
    return a->host->fail(status, "%s", why);
  }
  *state = r;
  return FMP_OK;
}

fmp_status idx_reader_register(const fmp_host *h, fmp_registry *r)
{
  static const fmp_attr_def attrs[] = {
      FMP_ATTR(struct open_params, images, FMP_ATTR_STRING, NULL, NULL,
               "file of images: bytes [n,h,w] or [n,h,w,c]; plain or gzip, known by the content"),
      FMP_ATTR(struct open_params, labels, FMP_ATTR_STRING, NULL, NULL,
               "file of labels: bytes [n]"),
      FMP_ATTR(struct open_params, classes, FMP_ATTR_I64, "0", "[0,256]",
               "labels must be below this; all are checked on opening. 0: any")};
  static const fmp_resource_def def = {.struct_size = sizeof def,
                                       .name = "idx_reader",
                                       .doc = "A source of examples in IDX files, as MNIST comes. "
                                              "Fields: image u8 [h,w,c], label i32 [].",
                                       FMP_PARAMS(struct open_params, attrs),
                                       .open = open_reader,
                                       .close = close_reader,
                                       .interfaces = FMP_SOURCE};
  return h->add_resource(r, &def);
}
