/* SPDX-License-Identifier: Apache-2.0
 *
 * Prompt: what the prompt needs of a terminal, as the Lua module "fmprun.terminal". */
#ifndef FMP_PROMPT_H
#define FMP_PROMPT_H

#include <lua.h>

/* Leaves a table with
 *   open(complete)   from now on read() edits lines. complete(text before the cursor) returns what
 *                    to insert and what to list below the line, two strings
 *   read(prompt)     a line; nil at the end of input; false if Ctrl-C has cleared it
 *   remember(entry)  puts it into the history that read() offers
 *   keep(path, line, limit)   adds a line to a file; true, or nil and why not
 *   recall(path, limit)       a file's last lines, at most so many bytes; or nil and why not
 *   call(handler, f, ...)     xpcall that Ctrl-C stops, and it stops nothing else
 *   close()          gives up the editor; Lua may close without it */
int prompt_open_module(lua_State *L);

#endif
