/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding, checking and loading plugins: the top floor, which knows all others and is known by
 * none.
 *
 * What always holds of the list `loaded`, which is guarded by FMP__LOCK_PLUGINS:
 * - It only grows. A plugin in it has been registered whole; one that was refused has registered
 *   nothing. Its shared object is never closed, since its functions and data are in use for good.
 * - Plugin names are unique in it. So are entries: the loader maps a file once, so its entry has
 *   one address, and loading it again finds that address here and does nothing.
 * - The order is that of registration, on which ties between kernels and the default device depend.
 *   Within a scan it follows from directories and names, never from the order in which a directory
 *   happens to list its files.
 *
 * Loading takes a file through these steps, and no function of the plugin is called before load():
 * the file is there and whole (shared_object.c) -> dlopen and entry -> ABI version, sizes, name ->
 * load() into a staging -> commit. */
#define _GNU_SOURCE /* dladdr */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/locks.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/status.h"
#include "define/registry.h"
#include "define/sized.h"
#include "kernel/forced.h"
#include "plugin/host.h"
#include "plugin/plugin.h"
#include "plugin/shared_object.h"

/* items[i] and entries[i] belong together. */
static struct {
  fmp__plugin_record **items;
  const fmp_plugin **entries;
  uint32_t n, room, entries_room;
} loaded;

/* A plugin on its way. entry NULL: there is nothing (more) to commit. Otherwise its load() has run,
 * and record and staging are its own until the commit, which gives the record to the registry for
 * good. */
typedef struct candidate {
  const fmp_plugin *entry;
  fmp__plugin_record *record;
  fmp_registry *staging;
  int is_overridden; /* refused because one of its name is loaded already */
} candidate;

static void free_record(fmp__plugin_record *r)
{
  if (!r) return;
  fmp__free(r->name);
  fmp__free(r->version);
  fmp__free(r->summary);
  fmp__free(r->path);
  fmp__free(r);
}

static void drop_candidate(candidate *c)
{
  fmp__staging_free(c->staging);
  free_record(c->record);
  memset(c, 0, sizeof *c);
}

/* -- checks before any code of the plugin runs ----------------------------- */

/* Before dlopen(), which would say less about what is wrong. */
static fmp_status check_file(const char *path)
{
  struct stat status;
  if (stat(path, &status) != 0)
    return fmp__fail(errno == ENOENT ? FMP_ENOTFOUND : FMP_EIO, "%s", strerror(errno));
  if (!S_ISREG(status.st_mode)) return fmp__fail(FMP_EPLUGIN, "is not a file");
  return FMP_OK;
}

/* The loader's text begins with the path, which our caller will put in front anyway. */
static const char *loader_text(const char *path)
{
  const char *text = dlerror();
  if (!text) return "the loader gives no reason";
  const size_t n = strlen(path);
  return strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2 : text;
}

/* RTLD_NOW: a symbol that is missing is found now, not in the middle of a training. RTLD_LOCAL:
 * plugins may have functions of equal names. The handle is kept open for good, also if the plugin
 * is refused later: its libraries may have registered exit handlers or threads. */
static fmp_status open_entry(const char *path, const fmp_plugin **entry)
{
  FMP_TRY(check_file(path));
  FMP_TRY(fmp__shared_object_check(path));
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return fmp__fail(FMP_EPLUGIN, "%s", loader_text(path));
  *entry = dlsym(handle, "fmp_plugin_entry");
  if (!*entry) return fmp__fail(FMP_EPLUGIN, "exports no fmp_plugin_entry");
  return FMP_OK;
}

static fmp_status check_size(const char *what, uint32_t theirs, size_t ours)
{
  if (theirs == ours) return FMP_OK;
  return fmp__fail(FMP_EPLUGIN, "built for %s of %u bytes, the engine's have %zu", what, theirs,
                   ours);
}

/* The major version first: about an entry of another one nothing else is known, not even its size.
 * It is checked in a copy, since it may be shorter than ours; what is used later lies in the part
 * that every entry has. */
static fmp_status check_entry(const fmp_plugin *entry)
{
  fmp_plugin copy;
  if (entry->struct_size < FMP_SIZE_UNTIL(fmp_plugin, abi_minor))
    return fmp__fail(FMP_EPLUGIN, "its entry has %zu bytes, too few for an ABI version",
                     entry->struct_size);
  if (entry->abi_major != FMP_ABI_MAJOR || entry->abi_minor > FMP_ABI_MINOR)
    return fmp__fail(FMP_EPLUGIN, "built for ABI %u.%u, engine offers %u.%u", entry->abi_major,
                     entry->abi_minor, FMP_ABI_MAJOR, FMP_ABI_MINOR);
  FMP_TRY(fmp__copy_sized("its entry", entry, entry->struct_size,
                          (fmp__sizes){FMP_SIZE_UNTIL(fmp_plugin, load), sizeof copy}, &copy));
  if (copy.reserved) return fmp__fail(FMP_EPLUGIN, "its entry: expected 0 in a reserved field");
  FMP_TRY(check_size("views", entry->view_size, sizeof(fmp_view)));
  FMP_TRY(check_size("specs", entry->spec_size, sizeof(fmp_spec)));
  FMP_TRY(check_size("attributes", entry->attr_size, sizeof(fmp_attr)));
  if (!entry->name || !*entry->name || !entry->load)
    return fmp__fail(FMP_EPLUGIN, "its entry has no name or no load function");
  return FMP_OK;
}

static int is_loaded(const fmp_plugin *entry)
{
  for (uint32_t i = 0; i < loaded.n; i++)
    if (loaded.entries[i] == entry) return 1;
  return 0;
}

static const char *file_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int same_file_name(const char *a, const char *b)
{
  return strcmp(file_name(a), file_name(b)) == 0;
}

/* An earlier plugin of the same name stays. If its file has the same name, too, that is meant
 * (warn_refused). */
static fmp_status check_name_free(const fmp_plugin *entry, const char *path, candidate *c)
{
  for (uint32_t i = 0; i < loaded.n; i++) {
    if (strcmp(loaded.items[i]->name, entry->name) != 0) continue;
    c->is_overridden = same_file_name(loaded.items[i]->path, path);
    return fmp__fail(FMP_EPLUGIN, "plugin '%s' is loaded already, from %s", entry->name,
                     loaded.items[i]->path);
  }
  return FMP_OK;
}

/* -- staging and committing ------------------------------------------------ */

/* Copies the texts: they are shown and compared for as long as the process lives. */
static fmp_status new_record(const fmp_plugin *entry, const char *path, fmp__plugin_record **record)
{
  fmp__plugin_record *r = fmp__alloc_zeroed(1, sizeof *r);
  if (!r) return fmp__no_memory("a plugin");
  r->name = fmp__copy_text(entry->name);
  r->version = fmp__copy_text(entry->version ? entry->version : "");
  r->summary = fmp__copy_text(entry->summary ? entry->summary : "");
  r->path = fmp__copy_text(path);
  r->abi_major = entry->abi_major;
  r->abi_minor = entry->abi_minor;
  r->host = fmp__host();
  *record = r;
  if (r->name && r->version && r->summary && r->path) return FMP_OK;
  free_record(r);
  return fmp__no_memory("a plugin");
}

/* Checks a file and runs its load(). On failure *c is empty, but for is_overridden. */
static fmp_status stage(const char *path, candidate *c)
{
  const fmp_plugin *entry;
  memset(c, 0, sizeof *c);
  FMP_TRY(open_entry(path, &entry));
  if (is_loaded(entry)) return FMP_OK;
  FMP_TRY(check_entry(entry));
  FMP_TRY(check_name_free(entry, path, c));
  FMP_TRY(new_record(entry, path, &c->record));
  fmp_status status = fmp__staging_new(c->record, &c->staging);
  if (status == FMP_OK && fmp__staging_fill(c->staging, entry) != FMP_OK)
    status = FMP_EPLUGIN; /* whatever load() calls its refusal */
  if (status != FMP_OK) {
    drop_candidate(c);
    return status;
  }
  c->entry = entry;
  return FMP_OK;
}

/* Registers a candidate. Room in `loaded` comes first, so that nothing can fail once the registry
 * has taken it. FMP_ENOTFOUND: a gradient needs an op that another plugin may still bring; the
 * candidate can be tried again. */
static fmp_status commit(candidate *c)
{
  if (!fmp__grow((void **)&loaded.items, &loaded.room, loaded.n, sizeof *loaded.items) ||
      !fmp__grow((void **)&loaded.entries, &loaded.entries_room, loaded.n, sizeof *loaded.entries))
    return fmp__no_memory("a plugin");
  FMP_TRY(check_name_free(c->entry, c->record->path, c));
  FMP_TRY(fmp__staging_commit(c->staging));
  loaded.items[loaded.n] = c->record;
  loaded.entries[loaded.n++] = c->entry;
  c->record = NULL;              /* the registry points to it from now on */
  fmp__kernel_choices_changed(); /* it may have brought a better kernel */
  return FMP_OK;
}

/* One file, named by the user: here an op that is missing is a refusal, since nobody else is
 * coming. */
static fmp_status load_path(const char *path)
{
  candidate c;
  fmp_status status = stage(path, &c);
  if (status == FMP_OK && c.entry) status = commit(&c);
  if (status == FMP_ENOTFOUND && c.entry) status = FMP_EPLUGIN;
  drop_candidate(&c);
  return status == FMP_OK ? FMP_OK : fmp__fail_in(status, "%s", path);
}

/* -- directories ----------------------------------------------------------- */

/* Paths of plugins. Of two plugins with one name the one further in front is loaded, but for
 * precedence(). */
typedef struct names {
  char **items;
  uint32_t n, room;
  uint32_t n_own; /* how many in front are from FMP_PLUGIN_PATH; the rest are installed */
} names;

/* Which path is committed as number k. The installation's plugins come first, so that whoever
 * brings an op's name that is taken is refused, and not the plugin that had it; precedence between
 * plugins of one name is another matter (waits). See docs/decisions/newcomers-give-way.md. */
static uint32_t committed_as(const names *l, uint32_t k) { return (l->n_own + k) % l->n; }

static void free_names(names *l)
{
  for (uint32_t i = 0; i < l->n; i++) fmp__free(l->items[i]);
  fmp__free(l->items);
}

/* fmp_*.so with at least one letter in between; other libraries may lie beside them. */
static int is_plugin_file(const char *name)
{
  const size_t n = strlen(name);
  return n > 7 && strncmp(name, "fmp_", 4) == 0 && strcmp(name + n - 3, ".so") == 0;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends the fmp_*.so of a directory, sorted: readdir() gives them in any order. */
static fmp_status list_plugins(const char *directory, names *l)
{
  char path[PATH_MAX];
  const uint32_t first = l->n;
  DIR *d = opendir(directory);
  if (!d)
    return fmp__fail(errno == ENOENT || errno == ENOTDIR ? FMP_ENOTFOUND : FMP_EIO, "%s: %s",
                     directory, strerror(errno));
  fmp_status status = FMP_OK;
  for (struct dirent *file; status == FMP_OK && (file = readdir(d));) {
    if (!is_plugin_file(file->d_name)) continue;
    snprintf(path, sizeof path, "%s/%s", directory, file->d_name);
    char *copy = fmp__copy_text(path);
    if (copy && fmp__grow((void **)&l->items, &l->room, l->n, sizeof *l->items)) {
      l->items[l->n++] = copy;
    } else {
      fmp__free(copy);
      status = fmp__no_memory("a list of plugins");
    }
  }
  closedir(d);
  if (l->n > first) qsort(l->items + first, l->n - first, sizeof *l->items, by_name);
  return status;
}

/* That an earlier directory overrides a later one is what FMP_PLUGIN_PATH is for, and no
 * warning. */
static void warn_refused(const char *path, const candidate *c)
{
  if (c->is_overridden)
    fmp__log(FMP__LOG_INFO, "plugin %s was skipped: %s", path, fmp_last_error());
  else
    fmp__log(FMP__LOG_WARNING, "plugin %s was refused: %s", path, fmp_last_error());
}

/* A file of the user's takes an installed one's place only if it has its name: whoever calls a
 * plugin "math" by chance shall not lose ours. */
static int precedence(const names *l, uint32_t i)
{
  enum { REPLACES, INSTALLED, NEWCOMER };
  if (i >= l->n_own) return INSTALLED;
  for (uint32_t k = l->n_own; k < l->n; k++)
    if (same_file_name(l->items[k], l->items[i])) return REPLACES;
  return NEWCOMER;
}

/* Of candidates with one name. */
static int goes_before(const names *l, uint32_t k, uint32_t i)
{
  const int difference = precedence(l, k) - precedence(l, i);
  return difference != 0 ? difference < 0 : k < i;
}

/* Candidates with the name of one that goes before them wait until it is registered, when they are
 * overridden, or refused, when the next may try. */
static int waits(const names *l, const candidate *candidates, uint32_t i)
{
  for (uint32_t k = 0; k < l->n; k++)
    if (k != i && candidates[k].entry &&
        strcmp(candidates[k].entry->name, candidates[i].entry->name) == 0 && goes_before(l, k, i))
      return 1;
  return 0;
}

/* Commits what can be committed, again and again until a whole round commits nothing: a plugin may
 * need another's ops for its gradients, in whatever order the files are named. */
static int32_t commit_all(const names *l, candidate *candidates)
{
  int32_t count = 0, before;
  do {
    before = count;
    for (uint32_t k = 0; k < l->n; k++) {
      const uint32_t i = committed_as(l, k);
      if (!candidates[i].entry || waits(l, candidates, i) || commit(&candidates[i]) != FMP_OK)
        continue;
      drop_candidate(&candidates[i]);
      count++;
    }
  } while (count > before);
  return count;
}

/* All load() functions run first, then all commits. What is left then lacks something that nobody
 * has: it is refused, in order, and each refusal may make way for others of its name. */
static void load_candidates(const names *l, candidate *candidates, int32_t *count)
{
  for (uint32_t i = 0; i < l->n; i++)
    if (stage(l->items[i], &candidates[i]) != FMP_OK) warn_refused(l->items[i], &candidates[i]);
  *count = commit_all(l, candidates);
  for (uint32_t k = 0; k < l->n; k++) {
    const uint32_t i = committed_as(l, k);
    const int refused = candidates[i].entry && commit(&candidates[i]) != FMP_OK;
    if (refused) warn_refused(l->items[i], &candidates[i]);
    drop_candidate(&candidates[i]);
    if (refused) *count += commit_all(l, candidates);
  }
}

/* That a plugin is refused is no failure of the scan. */
static fmp_status load_files(const names *l, int32_t *count)
{
  candidate *candidates = fmp__alloc_zeroed(l->n + 1, sizeof *candidates);
  if (!candidates) return fmp__no_memory("a list of plugins");
  load_candidates(l, candidates, count);
  fmp__free(candidates);
  return FMP_OK;
}

fmp_status fmp_plugin_scan(const char *directory, int32_t *count)
{
  int32_t n = 0;
  names l = {0};
  FMP_TRY(fmp__require(directory, "a directory"));
  fmp__lock(FMP__LOCK_PLUGINS);
  fmp_status status = list_plugins(directory, &l);
  if (status == FMP_OK) status = load_files(&l, &n);
  fmp__unlock(FMP__LOCK_PLUGINS);
  free_names(&l);
  if (count) *count = n;
  return status;
}

/* -- where plugins are searched for ---------------------------------------- */

/* lib/libfmp.so -> lib/fmp/plugins, found by the library's own address: an installation can be
 * moved, and two of them do not mix. Symbolic links are followed first. */
static int installed_directory(char *path, size_t room)
{
  Dl_info info;
  char real[PATH_MAX];
  if (!dladdr((void *)(uintptr_t)fmp_plugin_scan, &info) || !realpath(info.dli_fname, real))
    return 0;
  char *slash = strrchr(real, '/');
  if (!slash) return 0;
  *slash = '\0';
  return (size_t)snprintf(path, room, "%s/fmp/plugins", real) < room;
}

/* Calls visit for each directory of FMP_PLUGIN_PATH, in order, until one returns non-zero. */
static int each_own_directory(int (*visit)(const char *directory, void *arg), void *arg)
{
  char path[PATH_MAX];
  const char *list = getenv("FMP_PLUGIN_PATH");
  for (const char *p = list ? list : ""; *p;) {
    const size_t n = strcspn(p, ":");
    if (n > 0 && n < sizeof path) {
      snprintf(path, sizeof path, "%.*s", (int)n, p);
      if (visit(path, arg)) return 1;
    }
    p += n + (p[n] == ':');
  }
  return 0;
}

static int visit_installed(int (*visit)(const char *directory, void *arg), void *arg)
{
  char path[PATH_MAX];
  return installed_directory(path, sizeof path) && visit(path, arg);
}

/* A directory that cannot be read is the user's to mend, and does not keep others from being
 * loaded. */
static int list_and_warn(const char *directory, void *l)
{
  if (list_plugins(directory, l) != FMP_OK)
    fmp__log(FMP__LOG_WARNING, "plugins are not loaded from %s", fmp_last_error());
  return 0;
}

/* Under the lock. Only success counts, so that a lack of memory can be tried again. */
static int default_loaded;

/* All directories at once, since a plugin of one may need an op of another. */
fmp_status fmp_plugin_load_default(void)
{
  int32_t count;
  names l = {0};
  fmp_status status = FMP_OK;
  fmp__log_start();
  fmp__lock(FMP__LOCK_PLUGINS);
  if (!default_loaded) {
    each_own_directory(list_and_warn, &l);
    l.n_own = l.n;
    visit_installed(list_and_warn, &l);
    status = load_files(&l, &count);
    default_loaded = status == FMP_OK;
  }
  fmp__unlock(FMP__LOCK_PLUGINS);
  free_names(&l);
  return status;
}

/* A search for fmp_NAME.so. */
typedef struct search {
  const char *name;
  char path[PATH_MAX];
  fmp__nearest nearest;
  char nearest_name[64];
} search;

/* ".../fmp_nn.so" -> "nn". The best name is copied: the paths go when the directory has been
 * searched. */
static void offer_file(search *s, const char *path)
{
  char name[64];
  const char *file = strrchr(path, '/') + 5;
  const fmp__nearest before = s->nearest;
  snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - 3), file);
  fmp__nearest_offer(&s->nearest, name);
  if (s->nearest.best == before.best) return;
  memcpy(s->nearest_name, name, sizeof name);
  s->nearest.best = s->nearest_name;
}

/* Looks for the file itself, and offers what else is there as suggestions. */
static int look_in(const char *directory, void *arg)
{
  search *s = arg;
  struct stat status;
  names l = {0};
  const int n = snprintf(s->path, sizeof s->path, "%s/fmp_%s.so", directory, s->name);
  if (n > 0 && (size_t)n < sizeof s->path && stat(s->path, &status) == 0) return 1;
  if (list_plugins(directory, &l) == FMP_OK)
    for (uint32_t i = 0; i < l.n; i++) offer_file(s, l.items[i]);
  free_names(&l);
  return 0;
}

/* With a '/' it is a path, without one a name that is searched for. Never in the working directory:
 * what lies there is not what the user named. */
static fmp_status find_file(const char *name, char *path)
{
  char hint[96];
  if (strchr(name, '/')) {
    if (realpath(name, path)) return FMP_OK;
    return fmp__fail(errno == ENOENT ? FMP_ENOTFOUND : FMP_EIO, "%s: %s", name, strerror(errno));
  }
  search s = {.name = name, .nearest = {.name = name}};
  if (each_own_directory(look_in, &s) || visit_installed(look_in, &s)) {
    memcpy(path, s.path, sizeof s.path);
    return FMP_OK;
  }
  return fmp__fail(FMP_ENOTFOUND,
                   "no plugin '%s' in FMP_PLUGIN_PATH or the installed plugins (a path needs a "
                   "'/')%s",
                   name, fmp__nearest_hint(&s.nearest, hint, sizeof hint));
}

fmp_status fmp_plugin_load(const char *name)
{
  char path[PATH_MAX];
  FMP_TRY(fmp__require(name, "a plugin's name or path"));
  fmp__lock(FMP__LOCK_PLUGINS);
  fmp_status status = find_file(name, path);
  if (status == FMP_OK) status = load_path(path);
  fmp__unlock(FMP__LOCK_PLUGINS);
  return status;
}

/* -- asking ---------------------------------------------------------------- */

int32_t fmp_plugin_count(void)
{
  fmp__lock(FMP__LOCK_PLUGINS);
  const uint32_t n = loaded.n;
  fmp__unlock(FMP__LOCK_PLUGINS);
  return (int32_t)n;
}

/* Records are never freed while the library is in use, so the texts are lent for good. */
fmp_status fmp_plugin_get(int32_t i, fmp_plugin_info *info)
{
  fmp__lock(FMP__LOCK_PLUGINS);
  const fmp__plugin_record *r = i >= 0 && (uint32_t)i < loaded.n ? loaded.items[i] : NULL;
  fmp__unlock(FMP__LOCK_PLUGINS);
  if (!r) return fmp__fail(FMP_ENOTFOUND, "no plugin number %d", i);
  const fmp_plugin_info filled = {.struct_size = sizeof filled,
                                  .name = r->name,
                                  .version = r->version,
                                  .summary = r->summary,
                                  .path = r->path,
                                  .abi_major = r->abi_major,
                                  .abi_minor = r->abi_minor};
  return fmp__give_sized("a plugin's description", &filled, info);
}

void fmp__plugins_forget(void)
{
  for (uint32_t i = 0; i < loaded.n; i++) free_record(loaded.items[i]);
  fmp__free(loaded.items);
  fmp__free(loaded.entries);
  memset(&loaded, 0, sizeof loaded);
  default_loaded = 0;
}
