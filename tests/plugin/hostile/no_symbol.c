/* SPDX-License-Identifier: Apache-2.0
 * A shared object, but no plugin. */
int hostile_unrelated(void);
int hostile_unrelated(void) { return 1; }
