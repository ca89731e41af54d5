/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames: how the user's own code got to an error, as the Lua module "fmprun.frames". */
#ifndef FMP_FRAMES_H
#define FMP_FRAMES_H

#include <lua.h>

/* Leaves a table with
 *   leave_out(prefix)   chunks whose source begins so are not the user's
 *   catch(message)      a handler for xpcall: notes the frames and returns the message untouched
 *   last()              what catch noted last, the innermost first, at most a few: a list of
 *                       {file = "script.lua", line = 3} */
int frames_open_module(lua_State *L);

#endif
