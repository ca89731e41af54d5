/* SPDX-License-Identifier: Apache-2.0
 *
 * An op's schema, "(x, w!, like~?, rest...) -> (y, argmax?)", parsed once when the op is defined.
 * Who asks about an input's marks anywhere in the engine asks here, by the input's number. */
#ifndef FMP_SCHEMA_H
#define FMP_SCHEMA_H

#include "fmp/api.h"
#include "fmp/plugin.h"

enum { FMP__MAX_ARGS = 32, FMP__ARG_NAME = 32, FMP__MAX_INPUTS = 65536 /* of a call */ };

typedef struct fmp__arg {
  char name[FMP__ARG_NAME];
  uint32_t marks; /* FMP_ARG_* */
} fmp__arg;

/* What holds once it is parsed: names are unique within a list; variadic inputs are the last ones;
 * an input is not both written and spec-only; outputs are optional or have no mark. No op has more
 * than FMP__MAX_ARGS inputs or outputs in its schema, and no call more than FMP__MAX_INPUTS
 * inputs. */
typedef struct fmp__schema {
  fmp__arg in[FMP__MAX_ARGS], out[FMP__MAX_ARGS];
  uint32_t n_in, n_out;
  uint32_t required; /* how many inputs there are up to the last that may not be absent */
  uint32_t group;    /* how many inputs at the end repeat in turn; 0: none */
} fmp__schema;

fmp_status fmp__schema_parse(const char *text, fmp__schema *schema);
/* Input i of a call. Behind the schema's own inputs those of the group follow in turn, so the
 * answer depends on i alone and not on how many inputs the call has; see
 * docs/decisions/variadic-inputs-in-turn.md. */
const fmp__arg *fmp__schema_input(const fmp__schema *schema, uint32_t i);
/* May a call have n inputs? Inputs that are left out at the end count as absent. A group that is
 * repeated comes whole. */
int fmp__schema_takes(const fmp__schema *schema, uint32_t n);
/* Does any input carry this mark? */
int fmp__schema_has(const fmp__schema *schema, uint32_t mark);

#endif
