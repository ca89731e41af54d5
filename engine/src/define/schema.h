/* SPDX-License-Identifier: Apache-2.0
 * An op's schema, "(x, w!, like~?, rest...) -> (y, argmax?)", parsed once. */
#ifndef FMP_SCHEMA_H
#define FMP_SCHEMA_H

#include "fmp/api.h"
#include "fmp/plugin.h"

enum { FMP__MAX_ARGS = 32, FMP__ARG_NAME = 32, FMP__MAX_INPUTS = 65536 /* of a call */ };

typedef struct fmp__arg {
  char name[FMP__ARG_NAME];
  uint32_t marks; /* FMP_ARG_* */
} fmp__arg;

typedef struct fmp__schema {
  fmp__arg in[FMP__MAX_ARGS], out[FMP__MAX_ARGS];
  uint32_t n_in, n_out;
  uint32_t required; /* inputs up to the last one that must be present */
  uint32_t group;    /* how many inputs at the end repeat in turn, any number of times; 0: none */
} fmp__schema;

fmp_status fmp__schema_parse(const char *text, fmp__schema *schema);
/* Input i of a call: a variadic op's last entries serve all further ones in turn. */
const fmp__arg *fmp__schema_input(const fmp__schema *schema, uint32_t i);
/* Whether a call may have n inputs. Those left out at the end, if the schema names them,
 * are absent; a group that is repeated comes whole. */
int fmp__schema_takes(const fmp__schema *schema, uint32_t n);
/* Does any input carry this mark? */
int fmp__schema_has(const fmp__schema *schema, uint32_t mark);

#endif
