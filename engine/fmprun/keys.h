/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys: what the line editor reads from the terminal, and the signals that come meanwhile. Signals
 * are looked at only while the editor waits for a key, so that none is lost and no handler does any
 * work. */
#ifndef FMP_KEYS_H
#define FMP_KEYS_H

#include <histedit.h>

/* Between these two keys_read() serves the editor. */
void keys_begin(void);
/* Returns whether Ctrl-C has ended the reading. */
int keys_end(void);

/* For libedit's EL_GETCFN: 1 and a character, 0 at the end of input, -1 if Ctrl-C has come. */
int keys_read(EditLine *edit, wchar_t *key);

#endif
