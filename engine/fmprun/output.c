/* SPDX-License-Identifier: Apache-2.0
 *
 * Closing the standard output with a look at the result. A buffered write can fail as late as
 * fclose(), on a full disk or a quota, and a program that ignores that reports success for output
 * that is lost. */
#define _POSIX_C_SOURCE 200809L

#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int reason; /* errno of a flush that failed; 0: none did, or it is not known */

void output_flush(void)
{
  if (fflush(stdout) != 0) reason = errno;
}

/* Has all that was written arrived? A stdout that was closed before the program began is in order,
 * if nothing was written to it. */
static int close_stdout(void)
{
  const int had_failed = ferror(stdout), is_pending = __fpending(stdout) != 0;
  if (fclose(stdout) == 0) return !had_failed;
  if (!had_failed) reason = errno;
  return !had_failed && !is_pending && errno == EBADF;
}

/* stderr is unbuffered and stays open: sanitizers report after this. */
static void close_at_exit(void)
{
  const int stderr_failed = ferror(stderr);
  if (!close_stdout()) {
    fprintf(stderr, "fmprun: cannot write to the standard output%s%s\n", reason ? ": " : "",
            reason ? strerror(reason) : "");
    _exit(EXIT_FAILURE);
  }
  if (stderr_failed) _exit(EXIT_FAILURE);
}

/* Does nothing, so that the write that meets the limit fails with EFBIG. */
static void on_file_limit(int number) { (void)number; }

/* A handler and not SIG_IGN, which programs that scripts start would inherit. */
static void catch_file_limit(void)
{
  struct sigaction action;
  if (sigaction(SIGXFSZ, NULL, &action) != 0 || action.sa_handler != SIG_DFL) return;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_file_limit;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGXFSZ, &action, NULL);
}

void output_watch(void)
{
  catch_file_limit();
  atexit(close_at_exit);
}
