/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser of schemas: one pass, no memory of its own. A schema comes from a plugin's author, so
 * failures quote the place where the parser stopped.
 *
 *   schema   = list "->" list
 *   list     = "(" [ argument { "," argument } ] ")"
 *   argument = name { "?" | "!" | "~" | "..." }        name: letters, digits and _, below 32 bytes
 *
 * Spaces may stand anywhere between these. */
#include "define/schema.h"

#include <ctype.h>
#include <string.h>

#include "base/status.h"

/* Where the parser is. `whole` is the schema from its beginning, for messages. */
typedef struct cursor {
  const char *whole, *at;
} cursor;

static fmp_status malformed(const cursor *c, const char *expected)
{
  return fmp__fail(FMP_EPLUGIN, "schema '%s': expected %s at '%s'", c->whole, expected, c->at);
}

static void skip_spaces(cursor *c)
{
  while (*c->at == ' ') c->at++;
}

static int take(cursor *c, const char *token)
{
  skip_spaces(c);
  const size_t n = strlen(token);
  if (strncmp(c->at, token, n) != 0) return 0;
  c->at += n;
  return 1;
}

static fmp_status take_name(cursor *c, char *name)
{
  skip_spaces(c);
  size_t n = 0;
  while (isalnum((unsigned char)c->at[n]) || c->at[n] == '_') n++;
  if (n == 0 || n >= FMP__ARG_NAME) return malformed(c, "a name");
  memcpy(name, c->at, n);
  name[n] = '\0';
  c->at += n;
  return FMP_OK;
}

/* Marks may come in any order, each once: a second one stays and is refused by what is parsed
 * next. */
static void take_marks(cursor *c, uint32_t *marks)
{
  static const struct {
    const char *token;
    uint32_t mark;
  } table[] = {{"?", FMP_ARG_OPTIONAL},
               {"!", FMP_ARG_WRITTEN},
               {"~", FMP_ARG_SPEC_ONLY},
               {"...", FMP_ARG_VARIADIC}};
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (!(*marks & table[i].mark) && take(c, table[i].token)) {
      *marks |= table[i].mark;
      i = (size_t)-1; /* look for further marks from the start */
    }
}

static int is_taken(const fmp__arg *args, uint32_t n, const char *name)
{
  for (uint32_t i = 0; i < n; i++)
    if (strcmp(args[i].name, name) == 0) return 1;
  return 0;
}

static fmp_status take_list(cursor *c, fmp__arg *args, uint32_t *n)
{
  *n = 0;
  if (!take(c, "(")) return malformed(c, "'('");
  if (take(c, ")")) return FMP_OK;
  do {
    if (*n == FMP__MAX_ARGS) return malformed(c, "fewer arguments");
    fmp__arg *arg = &args[(*n)++];
    FMP_TRY(take_name(c, arg->name));
    if (is_taken(args, *n - 1, arg->name)) return malformed(c, "each name once");
    take_marks(c, &arg->marks);
  } while (take(c, ","));
  return take(c, ")") ? FMP_OK : malformed(c, "',' or ')'");
}

/* What would have no meaning: a fixed input behind a variadic one, whose number would depend on the
 * call; data that is written but never seen; outputs that are anything but optional. */
static fmp_status check_marks(const cursor *c, const fmp__schema *s)
{
  for (uint32_t i = 1; i < s->n_in; i++)
    if ((s->in[i - 1].marks & FMP_ARG_VARIADIC) && !(s->in[i].marks & FMP_ARG_VARIADIC))
      return malformed(c, "only variadic inputs after a variadic one");
  for (uint32_t i = 0; i < s->n_in; i++)
    if ((s->in[i].marks & FMP_ARG_WRITTEN) && (s->in[i].marks & FMP_ARG_SPEC_ONLY))
      return malformed(c, "'!' or '~', not both");
  for (uint32_t i = 0; i < s->n_out; i++)
    if (s->out[i].marks & ~(uint32_t)FMP_ARG_OPTIONAL)
      return malformed(c, "no marks but '?' on outputs");
  return FMP_OK;
}

fmp_status fmp__schema_parse(const char *text, fmp__schema *schema)
{
  cursor c = {text, text};
  memset(schema, 0, sizeof *schema);
  FMP_TRY(take_list(&c, schema->in, &schema->n_in));
  if (!take(&c, "->")) return malformed(&c, "'->'");
  FMP_TRY(take_list(&c, schema->out, &schema->n_out));
  skip_spaces(&c);
  if (*c.at) return malformed(&c, "the end");
  FMP_TRY(check_marks(&c, schema));
  for (uint32_t i = 0; i < schema->n_in; i++) {
    if (!(schema->in[i].marks & FMP_ARG_OPTIONAL)) schema->required = i + 1;
    if (schema->in[i].marks & FMP_ARG_VARIADIC) schema->group++;
  }
  return FMP_OK;
}

/* Callers have had their number of inputs checked (fmp__schema_takes), so i is below n_in unless
 * there is a group. */
const fmp__arg *fmp__schema_input(const fmp__schema *schema, uint32_t i)
{
  if (i < schema->n_in) return &schema->in[i];
  if (!schema->group) return &schema->in[schema->n_in - 1];
  const uint32_t fixed = schema->n_in - schema->group;
  return &schema->in[fixed + (i - fixed) % schema->group];
}

/* Fewer than n_in: then all that is left out is optional. More: whole rounds of the group. So the
 * last input a call has is never in the middle of a group but for the first round, whose missing
 * end counts as absent. */
int fmp__schema_takes(const fmp__schema *schema, uint32_t n)
{
  if (n <= schema->n_in) return n >= schema->required;
  return schema->group && (n - schema->n_in) % schema->group == 0;
}

int fmp__schema_has(const fmp__schema *schema, uint32_t mark)
{
  for (uint32_t i = 0; i < schema->n_in; i++)
    if (schema->in[i].marks & mark) return 1;
  return 0;
}
