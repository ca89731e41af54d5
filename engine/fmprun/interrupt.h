/* SPDX-License-Identifier: Apache-2.0
 *
 * Interrupt: what Ctrl-C does in fmprun. A script ends by it; the prompt lives on and only the line
 * that runs is stopped. docs/decisions/ctrl-c-in-traces.md and ends-as-others-end.md have the
 * reasons. */
#ifndef FMP_INTERRUPT_H
#define FMP_INTERRUPT_H

#include <lua.h>

/* From now on Ctrl-C stops what this state runs, by the error "interrupted", and a second one ends
 * the process. If SIGINT was ignored from the start, as shells arrange it for what runs in the
 * background, it stays ignored. */
void interrupt_catch(lua_State *L);

/* From now on Ctrl-C stops only what interrupt_call() runs, and nothing ends the process. Traces
 * that are compiled from here on can be stopped, too. */
void interrupt_spare(void);

/* For Lua: call(handler, f, ...) is xpcall(f, handler, ...), which Ctrl-C stops. */
int interrupt_call(lua_State *L);

/* Was there a Ctrl-C that had nothing to stop, since this was last asked? */
int interrupt_seen(void);

/* Gives Ctrl-C back to the system's own handling, before Lua is closed. */
void interrupt_release(void);

/* Has a Ctrl-C stopped a script, which is now to end? */
int interrupt_came(void);

/* Ends the process as SIGINT does, so that whoever waits for it sees that it was stopped: a shell
 * stops its own loop only then. */
void interrupt_die(void);

#endif
