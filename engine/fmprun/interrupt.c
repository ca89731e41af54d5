/* SPDX-License-Identifier: Apache-2.0
 *
 * Ctrl-C. Three things may be running when it comes, and each is stopped in its own way: an engine
 * call by the engine's flag, interpreted Lua by a debug hook, and a compiled trace by the
 * profiler's flag, which makes it leave for the interpreter, where the hook waits.
 *
 * The handler only sets flags and the hook. The error itself is raised by the hook, before a Lua
 * instruction, on the main thread: nothing is left in the middle of a C function. */
#define _POSIX_C_SOURCE 200809L

#include "interrupt.h"

#include <lauxlib.h>
#include <luajit.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "fmp/api.h"

/* For the signal handler, which gets no argument. The flags are written by the main thread and by
 * the handler, which also runs on it. */
static lua_State *running;
static pthread_t main_thread;
static volatile sig_atomic_t spared; /* this is a prompt: nothing ends the process */
static volatile sig_atomic_t armed;  /* something is running that Ctrl-C is to stop */
static volatile sig_atomic_t seen;   /* it came while nothing was */
static volatile sig_atomic_t came;   /* a script was stopped, and the process is to end */

/* -- stopping Lua ---------------------------------------------------------- */

/* Files that call the engine in pairs, begin and end, or take over what it has made, and those that
 * they call in between: an error there would leave a recording open, or lose a tensor. The hook
 * stays until control has left them. */
static int is_pairing_file(const char *source)
{
  static const char *const files[] = {"fmp/ffi.lua",   "fmp/ffi/engine.lua", "fmp/errors.lua",
                                      "fmp/guard.lua", "fmp/record.lua",     "fmp/compile.lua"};
  const size_t n = strlen(source);
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    const size_t length = strlen(files[i]);
    if (n > length && strcmp(source + n - length, files[i]) == 0) return 1;
  }
  return 0;
}

/* The innermost function that is written in Lua decides, since C functions run on its behalf. */
static int in_pairing_file(lua_State *L)
{
  lua_Debug at;
  for (int level = 0; lua_getstack(L, level, &at); level++) {
    if (!lua_getinfo(L, "S", &at)) return 0;
    if (*at.what != 'C') return is_pairing_file(at.source);
  }
  return 0;
}

/* Runs before the next Lua instruction, the only place where an error may be raised. If an
 * engine call has been stopped meanwhile, ffi.lua takes this hook away, so that one Ctrl-C is
 * one error. */
static void stop_lua(lua_State *L, lua_Debug *at)
{
  (void)at;
  if (in_pairing_file(L)) return;
  lua_sethook(L, NULL, 0, 0);
  fmp_interrupt_clear();
  luaL_error(L, "interrupted");
}

/* Compiled traces look at no hook, but at the profiler's flag, provided that it was on when they
 * were compiled. Its signal sets the flag, the trace exits, and the interpreter meets the hook. If
 * somebody has taken the profiler away there is no handler, and the signal would kill. */
static void leave_traces(void)
{
  struct sigaction action;
  if (sigaction(SIGPROF, NULL, &action) == 0 && action.sa_handler != SIG_DFL) raise(SIGPROF);
}

/* The profiler is only there for its flag. */
static void ignore_sample(void *data, lua_State *L, int samples, int state)
{
  (void)data, (void)L, (void)samples, (void)state;
}

/* -- the signal ------------------------------------------------------------ */

/* Engine calls stop by the first line, Lua between them by the hook. */
static void stop_running(void)
{
  fmp_interrupt();
  lua_sethook(running, stop_lua, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
  if (spared) leave_traces();
}

/* The system may deliver the signal to any thread; a worker passes it on, since only the main
 * thread may touch Lua. A script's second Ctrl-C finds the default action and ends the process, in
 * case the first cannot get through. */
static void on_interrupt(int number)
{
  if (!pthread_equal(pthread_self(), main_thread)) { /* a worker thread */
    pthread_kill(main_thread, number);
    return;
  }
  if (!armed) {
    seen = 1;
    return;
  }
  if (!spared) {
    came = 1;
    signal(number, SIG_DFL);
  }
  stop_running();
}

/* Without SA_RESTART: a system call that waits returns, and whoever made it can stop. */
static void handle(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

void interrupt_catch(lua_State *L)
{
  struct sigaction before;
  running = L;
  main_thread = pthread_self();
  armed = 1;
  if (sigaction(SIGINT, NULL, &before) != 0 || before.sa_handler != SIG_IGN) handle();
}

/* Whoever types at a prompt is in the foreground, whatever signal action was inherited. */
void interrupt_spare(void)
{
  handle();
  /* For each line ("l"), with an interval that never ends: no sample is taken by time. */
  luaJIT_profile_start(running, "li100000000", ignore_sample, NULL);
  spared = 1;
  armed = 0;
}

int interrupt_seen(void)
{
  const int was = seen;
  seen = 0;
  return was;
}

int interrupt_call(lua_State *L)
{
  luaL_checkany(L, 2);
  armed = 1;
  if (interrupt_seen()) stop_running(); /* it came before this began */
  const int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
  armed = 0;
  /* A Ctrl-C that came too late to stop anything. */
  lua_sethook(L, NULL, 0, 0);
  fmp_interrupt_clear();
  lua_pushboolean(L, status == 0);
  lua_replace(L, 1); /* in the place of the handler */
  return lua_gettop(L);
}

/* An action that was inherited as ignored is left alone. */
void interrupt_release(void)
{
  struct sigaction now;
  if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == on_interrupt) signal(SIGINT, SIG_DFL);
}

int interrupt_came(void) { return came; }

void interrupt_die(void)
{
  signal(SIGINT, SIG_DFL);
  raise(SIGINT);
}
