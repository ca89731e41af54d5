/* SPDX-License-Identifier: Apache-2.0
 *
 * fmprun: opens Lua, lets it find the library's modules beside this program, and hands the command
 * line to share/fmp/lua/fmp/cli.lua. All that a user sees of it is written in Lua; here is what Lua
 * cannot do: find itself, catch signals, and end as a program should. */
#define _POSIX_C_SOURCE 200809L

#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frames.h"
#include "interrupt.h"
#include "output.h"
#include "prompt.h"

/* -- finding the modules --------------------------------------------------- */

/* The directory above the one that this program lies in, symbolic links followed: bin/fmprun gives
 * its prefix. 0: it cannot be found out. */
static int find_prefix(char *prefix, size_t room)
{
  const ssize_t n = readlink("/proc/self/exe", prefix, room - 1);
  if (n <= 0 || (size_t)n >= room - 1) return 0;
  prefix[n] = '\0';
  for (int level = 0; level < 2; level++) {
    char *slash = strrchr(prefix, '/');
    if (slash == NULL) return 0;
    *slash = '\0';
  }
  return 1;
}

/* Is the file whose name is on top of the stack there? If not, the name is popped. */
static int has_file(lua_State *L)
{
  if (access(lua_tostring(L, -1), R_OK) == 0) return 1;
  lua_pop(L, 1);
  return 0;
}

/* A loader for the library's own modules, by their own paths: package.path belongs to the user and
 * neither hides them nor puts others in their place, and no directory's name is taken for a pattern
 * (docs/decisions/own-modules-by-own-paths.md). Upvalue: the prefix. Returning nothing means "not
 * mine". */
static int load_own(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  if (strcmp(name, "fmp") != 0 && strncmp(name, "fmp.", strlen("fmp.")) != 0) return 0;
  const char *prefix = lua_tostring(L, lua_upvalueindex(1));
  const char *path = luaL_gsub(L, name, ".", "/");
  lua_pushfstring(L, "%s/share/fmp/lua/%s.lua", prefix, path);
  if (!has_file(L)) {
    lua_pushfstring(L, "%s/share/fmp/lua/%s/init.lua", prefix, path);
    if (!has_file(L)) {
      lua_pushfstring(L, "\n\tno module '%s' of the library", name);
      return 1;
    }
  }
  if (luaL_loadfile(L, lua_tostring(L, -1)) != 0) return lua_error(L);
  return 1;
}

/* Puts that loader behind package.preload and before package.path. */
static void add_loader(lua_State *L, const char *prefix)
{
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaders");
  for (int i = (int)lua_objlen(L, -1); i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushstring(L, prefix);
  lua_pushcclosure(L, load_own, 1);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}

/* Makes require find the modules that only this program has. */
static void offer_modules(lua_State *L)
{
  static const luaL_Reg modules[] = {
      {"fmprun.frames", frames_open_module}, {"fmprun.terminal", prompt_open_module}, {NULL, NULL}};
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  luaL_register(L, NULL, modules);
  lua_pop(L, 2);
}

/* -- running --------------------------------------------------------------- */

/* The global `arg`, as the stand-alone Lua sets it; cli.lua renumbers it for scripts. */
static void set_arg(lua_State *L, int argc, char **argv)
{
  lua_createtable(L, argc, 1);
  for (int i = 0; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i);
  }
  lua_setglobal(L, "arg");
}

/* What cli.lua itself fails with: a text, or an object that can say what it is. */
static int describe_error(lua_State *L)
{
  if (lua_isstring(L, 1) || luaL_callmeta(L, 1, "__tostring")) return 1;
  lua_pushfstring(L, "error of type %s", luaL_typename(L, 1));
  return 1;
}

/* require("fmp.cli").main(arg) returns the exit status. */
static int run_cli(lua_State *L)
{
  lua_getglobal(L, "require");
  lua_pushliteral(L, "fmp.cli");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "main");
  lua_getglobal(L, "arg");
  lua_call(L, 1, 1);
  return 1;
}

static int run(lua_State *L)
{
  lua_pushcfunction(L, describe_error);
  lua_pushcfunction(L, run_cli);
  if (lua_pcall(L, 0, 1, -2) == 0) return (int)lua_tointeger(L, -1);
  fprintf(stderr, "fmprun: %s\n", lua_tostring(L, -1));
  return EXIT_FAILURE;
}

/* Output first and last: whatever happens in between, what was printed is written or its loss
 * reported. A script that Ctrl-C has stopped dies by that signal, after Lua has been closed in
 * order. */
int main(int argc, char **argv)
{
  char prefix[PATH_MAX];
  output_watch();
  lua_State *L = luaL_newstate();
  if (L == NULL || !find_prefix(prefix, sizeof prefix)) {
    fputs("fmprun: cannot start: no memory, or /proc/self/exe cannot be read\n", stderr);
    return EXIT_FAILURE;
  }
  luaL_openlibs(L);
  add_loader(L, prefix);
  offer_modules(L);
  set_arg(L, argc, argv);
  interrupt_catch(L);
  const int status = run(L);
  output_flush();
  interrupt_release();
  lua_close(L);
  if (status != EXIT_SUCCESS && interrupt_came()) interrupt_die();
  return status;
}
