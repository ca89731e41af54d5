/* SPDX-License-Identifier: Apache-2.0
 *
 * The prompt's terminal: libedit edits the line, and what it offers and does with the line is
 * written in Lua (lua/fmp/prompt/). Lua's errors are longjmps and must not pass through libedit's
 * functions, so whatever libedit calls runs protected. */
#define _POSIX_C_SOURCE 200809L

#include "prompt.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <lauxlib.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "interrupt.h"
#include "keys.h"

enum { HISTORY_SIZE = 10000 };

/* There is one terminal, and so one editor. edit NULL: it is not open. */
static struct {
  EditLine *edit;
  History *history;
  const char *prompt; /* of the line that is being read */
  lua_State *L;
  int complete; /* a reference to the function */
} editor;

/* -- completion ------------------------------------------------------------ */

/* Called protected. complete()'s two strings stay on the stack while they are used: what to insert,
 * and what to list. */
static int ask_for_completion(lua_State *L)
{
  const LineInfo *line = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, editor.complete);
  lua_pushlstring(L, line->buffer, (size_t)(line->cursor - line->buffer));
  lua_call(L, 1, 2);
  const char *insert = luaL_checkstring(L, -2), *list = luaL_checkstring(L, -1);
  if (*insert) el_insertstr(editor.edit, insert);
  if (*list) {
    printf("\n%s\n", list);
    fflush(stdout);
  }
  lua_settop(L, 1);
  return 0;
}

/* A completion that fails is a beep; the line stays as it is. */
static unsigned char on_tab(EditLine *edit, wint_t key)
{
  lua_State *L = editor.L;
  (void)key;
  const LineInfo *line = el_line(edit);
  if (lua_cpcall(L, ask_for_completion, (void *)line) == 0) return CC_REDISPLAY;
  lua_pop(L, 1);
  return CC_REFRESH_BEEP;
}

/* -- opening --------------------------------------------------------------- */

/* libedit asks for it at each redraw, so it must stay while the line is read: Lua's stack keeps
 * it. */
static char *prompt_text(EditLine *edit)
{
  (void)edit;
  return (char *)editor.prompt;
}

/* Bytes of UTF-8 make one character only if the locale says so; "C" would edit byte by byte. */
static void choose_locale(void)
{
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

/* What users of other prompts have in their fingers, and terminals send for cursor keys. */
static void bind_keys(EditLine *edit)
{
  static const char *const keys[][2] = {
      {"\t", "fmp-complete"},       {"^R", "em-inc-search-prev"}, {"^W", "ed-delete-prev-word"},
      {"\\e[1;5C", "em-next-word"}, {"\\e[1;5D", "ed-prev-word"}, {"\\e[3~", "ed-delete-next-char"},
      {"\\e[H", "ed-move-to-beg"},  {"\\e[F", "ed-move-to-end"},  {"\\eOH", "ed-move-to-beg"},
      {"\\eOF", "ed-move-to-end"},
  };
  /* The wide function, because the narrow one makes copies that libedit never frees. */
  el_wset(edit, EL_ADDFN, L"fmp-complete", L"Complete names", on_tab);
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    el_set(edit, EL_BIND, keys[i][0], keys[i][1], NULL);
}

/* Puts the terminal back in order. May be called when nothing is open. */
static void close_editor(void)
{
  if (editor.edit) el_end(editor.edit);
  if (editor.history) history_end(editor.history);
  editor.edit = NULL;
  editor.history = NULL;
}

/* Returns 0 if there is no memory; the caller closes what has been opened. */
static int open_editor(void)
{
  HistEvent event;
  choose_locale();
  editor.edit = el_init("fmprun", stdin, stdout, stderr);
  editor.history = history_init();
  if (!editor.edit || !editor.history) return 0;
  history(editor.history, &event, H_SETSIZE, HISTORY_SIZE);
  history(editor.history, &event, H_SETUNIQUE, 1);
  el_set(editor.edit, EL_PROMPT, prompt_text);
  el_set(editor.edit, EL_EDITOR, "emacs");
  el_set(editor.edit, EL_HIST, history, editor.history);
  el_set(editor.edit, EL_GETCFN, keys_read);
  el_set(editor.edit, EL_SETTY, "-d", "-isig", NULL); /* see keys.c */
  bind_keys(editor.edit);
  el_source(editor.edit, NULL); /* ~/.editrc, last: the user's word counts */
  return 1;
}

/* The completion function is kept in Lua's registry: libedit knows nothing of Lua's collector. From
 * here on Ctrl-C no longer ends the process. */
static int terminal_open(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (editor.edit) return luaL_error(L, "the terminal is open already");
  lua_settop(L, 1);
  editor.L = L;
  editor.complete = luaL_ref(L, LUA_REGISTRYINDEX);
  if (!open_editor()) {
    close_editor();
    return luaL_error(L, "no line editor: no memory");
  }
  interrupt_spare();
  return 0;
}

static int terminal_close(lua_State *L)
{
  (void)L;
  close_editor();
  return 0;
}

/* -- lines ----------------------------------------------------------------- */

/* The editor's own text ends with the newline; Lua gets the line without it. */
static int terminal_read(lua_State *L)
{
  int n = 0;
  editor.prompt = luaL_checkstring(L, 1);
  if (!editor.edit) return luaL_error(L, "the terminal is not open");
  keys_begin();
  el_set(editor.edit, EL_PREP_TERM, 1); /* before the prompt shows: no key is to be echoed */
  const char *text = el_gets(editor.edit, &n);
  if (keys_end()) {
    puts("^C");
    lua_pushboolean(L, 0);
  } else if (!text || n <= 0) {
    lua_pushnil(L);
  } else {
    lua_pushlstring(L, text, (size_t)(text[n - 1] == '\n' ? n - 1 : n));
  }
  return 1;
}

static int terminal_remember(lua_State *L)
{
  HistEvent event;
  const char *entry = luaL_checkstring(L, 1);
  if (editor.history) history(editor.history, &event, H_ENTER, entry);
  return 0;
}

/* Returns nil and "path: why" to Lua, as its own io functions do. */
static int give_reason(lua_State *L, const char *path, const char *why)
{
  lua_pushnil(L);
  lua_pushfstring(L, "%s: %s", path, why);
  return 2;
}

/* An error of luaL_check* may leave here, since no C function of ours is waiting. */
static int terminal_keep(lua_State *L)
{
  size_t n;
  const char *path = luaL_checkstring(L, 1), *line = luaL_checklstring(L, 2, &n);
  char why[HISTORY_WHY];
  if (history_append(path, line, n, (size_t)luaL_checkinteger(L, 3), why) != 0)
    return give_reason(L, path, why);
  lua_pushboolean(L, 1);
  return 1;
}

static int terminal_recall(lua_State *L)
{
  size_t n;
  char *bytes, why[HISTORY_WHY];
  const char *path = luaL_checkstring(L, 1);
  if (history_read(path, (size_t)luaL_checkinteger(L, 2), &bytes, &n, why) != 0)
    return give_reason(L, path, why);
  lua_pushlstring(L, bytes, n);
  free(bytes);
  return 1;
}

int prompt_open_module(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"open", terminal_open},  {"close", terminal_close},
      {"read", terminal_read},  {"remember", terminal_remember},
      {"keep", terminal_keep},  {"recall", terminal_recall},
      {"call", interrupt_call}, {NULL, NULL},
  };
  lua_newtable(L);
  luaL_register(L, NULL, functions);
  return 1;
}
