/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading keys. Between keys_begin and keys_end all watched signals are blocked but while ppoll()
 * waits, which unblocks them for just that long. So a signal comes either before a key or after it,
 * never in the middle of the editor's work, and the handler only notes that it came. */
#define _GNU_SOURCE /* ppoll */

#include "keys.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "interrupt.h"

/* The signals that an editor must know of: a new width of the terminal; and what stops or ends the
 * program, which must leave the terminal in order. SIGINT is interrupt.c's. */
static const int watched[] = {SIGWINCH, SIGTSTP, SIGTERM, SIGHUP, SIGQUIT};
enum { N_WATCHED = sizeof watched / sizeof watched[0] };

static pthread_t reader;
static volatile sig_atomic_t pending[N_WATCHED];
static struct sigaction before[N_WATCHED]; /* their actions while no line is read */
static sigset_t mask_before;
static int interrupted;

/* While lines are edited the terminal makes no signals of keys (prompt.c turns that off), because
 * it would echo them whenever it pleases. So Ctrl-C and its like arrive as bytes and are recognised
 * here. */
static struct termios keys;

/* Any thread may be interrupted by the signal; the reader is the one that waits for it. */
static void on_signal(int number)
{
  if (!pthread_equal(pthread_self(), reader)) {
    pthread_kill(reader, number);
    return;
  }
  for (int i = 0; i < N_WATCHED; i++)
    if (watched[i] == number) pending[i] = 1;
}

static void watch(int i)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(watched[i], &action, &before[i]);
}

/* An earlier Ctrl-C is forgotten: it was meant for what ran then. */
void keys_begin(void)
{
  sigset_t held;
  reader = pthread_self();
  interrupted = 0;
  memset(&keys, 0, sizeof keys);
  tcgetattr(STDIN_FILENO, &keys);
  interrupt_seen();
  sigemptyset(&held);
  sigaddset(&held, SIGINT);
  for (int i = 0; i < N_WATCHED; i++) {
    pending[i] = 0;
    watch(i);
    sigaddset(&held, watched[i]);
  }
  pthread_sigmask(SIG_BLOCK, &held, &mask_before);
}

int keys_end(void)
{
  for (int i = 0; i < N_WATCHED; i++) sigaction(watched[i], &before[i], NULL);
  /* From here on Ctrl-C is meant for what the line does, and no longer for the line. */
  pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
  return interrupted;
}

/* Lets a signal do what it would do without an editor, on a terminal that has been put in order.
 * The program may be stopped here and go on much later, on a terminal of another size. */
static void pass_on(EditLine *edit, int i)
{
  sigset_t mask;
  el_set(edit, EL_PREP_TERM, 0);
  sigaction(watched[i], &before[i], NULL);
  raise(watched[i]);
  sigemptyset(&mask);
  sigaddset(&mask, watched[i]);
  pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
  pthread_sigmask(SIG_BLOCK, &mask, NULL);
  watch(i);
  el_set(edit, EL_PREP_TERM, 1);
  el_resize(edit);
  el_set(edit, EL_REFRESH);
}

static void answer_signals(EditLine *edit)
{
  for (int i = 0; i < N_WATCHED; i++) {
    if (!pending[i]) continue;
    pending[i] = 0;
    if (watched[i] == SIGWINCH)
      el_resize(edit);
    else
      pass_on(edit, i);
  }
}

/* Does the key do what a signal would? Then it is as if the signal had come. */
static int is_signal_key(char byte)
{
  const cc_t key = (cc_t)byte;
  if (key == _POSIX_VDISABLE) return 0;
  if (key == keys.c_cc[VINTR]) interrupted = 1;
  for (int i = 0; i < N_WATCHED; i++) {
    if (watched[i] == SIGTSTP && key == keys.c_cc[VSUSP]) pending[i] = 1;
    if (watched[i] == SIGQUIT && key == keys.c_cc[VQUIT]) pending[i] = 1;
    if (pending[i]) return 1;
  }
  return interrupted;
}

/* Waits for a byte: 1 and the byte, 0 at the end of input, -1 if Ctrl-C has come. */
static int read_byte(EditLine *edit, char *byte)
{
  for (;;) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    const int ready = ppoll(&input, 1, NULL, &mask_before);
    const ssize_t n = ready > 0 ? read(STDIN_FILENO, byte, 1) : -1;
    const int is_key = n == 1 && !is_signal_key(*byte);
    if (interrupt_seen()) interrupted = 1;
    if (interrupted) return -1;
    answer_signals(edit);
    if (is_key) return 1;
    /* A terminal that has gone away is the end, too. */
    if (n == 0 || (ready > 0 && n < 0 && errno != EINTR && errno != EAGAIN)) return 0;
  }
}

/* Bytes become characters by the locale; what is no character is dropped, as a shell drops it. */
int keys_read(EditLine *edit, wchar_t *key)
{
  mbstate_t state;
  memset(&state, 0, sizeof state);
  for (;;) {
    char byte;
    const int got = read_byte(edit, &byte);
    if (got < 0) errno = EINTR;
    if (got <= 0) return got;
    const size_t used = mbrtowc(key, &byte, 1, &state);
    if (used == 0 || used == 1) return 1;
    if (used == (size_t)-1) memset(&state, 0, sizeof state);
  }
}
