/* SPDX-License-Identifier: Apache-2.0
 *
 * The handler of a stack overflow runs on the last few slots of Lua's stack. If it makes garbage
 * there, the collector may call a finalizer that finds no slot left: LuaJIT then loses it, and with
 * it the tensor that it would have released, or crashes. So the handler is written in C, allocates
 * nothing and calls nothing; the list is made when the stack is unwound. */
#include "frames.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* A recursion without end has thousands of frames, all alike. */
#define MOST_FRAMES 8

static struct {
  struct {
    char file[LUA_IDSIZE]; /* as messages show it */
    int line;
  } frames[MOST_FRAMES];
  int n;
} noted;

/* The registry's key of the prefix: only the address counts. */
static const char own_prefix;

static int leave_out(lua_State *L)
{
  luaL_checkstring(L, 1);
  lua_settop(L, 1);
  lua_pushlightuserdata(L, (void *)&own_prefix);
  lua_insert(L, 1);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return 0;
}

static void add(const lua_Debug *frame)
{
  snprintf(noted.frames[noted.n].file, sizeof noted.frames[0].file, "%s", frame->short_src);
  noted.frames[noted.n++].line = frame->currentline;
}

/* C functions have no line. */
static int note_frames(lua_State *L)
{
  lua_Debug frame;
  lua_settop(L, 1);
  lua_pushlightuserdata(L, (void *)&own_prefix);
  lua_rawget(L, LUA_REGISTRYINDEX);
  size_t n = 0;
  const char *own = lua_tolstring(L, 2, &n);
  noted.n = 0;
  for (int level = 1; noted.n < MOST_FRAMES && lua_getstack(L, level, &frame); level++) {
    lua_getinfo(L, "Sl", &frame);
    if (frame.currentline > 0 && (!own || strncmp(frame.source, own, n) != 0)) add(&frame);
  }
  lua_settop(L, 1);
  return 1;
}

static int last(lua_State *L)
{
  lua_createtable(L, noted.n, 0);
  for (int i = 0; i < noted.n; i++) {
    lua_createtable(L, 0, 2);
    lua_pushstring(L, noted.frames[i].file);
    lua_setfield(L, -2, "file");
    lua_pushinteger(L, noted.frames[i].line);
    lua_setfield(L, -2, "line");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

int frames_open_module(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"leave_out", leave_out}, {"catch", note_frames}, {"last", last}, {NULL, NULL}};
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  return 1;
}
