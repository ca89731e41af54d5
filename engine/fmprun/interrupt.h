/* SPDX-License-Identifier: Apache-2.0
 *
 * Interrupt: what Ctrl-C does in fmprun. Scripts end by it; a prompt lives on. */
#ifndef FMP_INTERRUPT_H
#define FMP_INTERRUPT_H

#include <lua.h>

/* From now on Ctrl-C stops what this state runs by the error "interrupted", and a second
 * one ends the process. Where SIGINT was ignored from the start, as shells have it for what
 * runs in the background, it stays ignored. */
void interrupt_catch(lua_State *L);

/* From now on Ctrl-C stops only what interrupt_call() runs, and nothing ends the process.
 * Traces compiled from here on can be stopped, too. */
void interrupt_spare(void);

/* For Lua: call(handler, f, ...) is xpcall(f, handler, ...) that Ctrl-C stops. */
int interrupt_call(lua_State *L);

/* Whether there was a Ctrl-C that had nothing to stop, since this was last asked. */
int interrupt_seen(void);

/* Ctrl-C as the system has it. */
void interrupt_release(void);

/* Whether a Ctrl-C has stopped what was to end by it. */
int interrupt_came(void);

/* Ends the process as SIGINT does, so that whoever waits for it, a shell with a loop, sees
 * that it was stopped. */
void interrupt_die(void);

#endif
