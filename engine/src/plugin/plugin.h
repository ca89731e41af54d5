/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of loaded plugins; fmp_plugin_load and its like are in api.h. */
#ifndef FMP_PLUGIN_LIST_H
#define FMP_PLUGIN_LIST_H

/* For fmp_shutdown: frees the records of plugins, to which nothing may point any more. Their
 * libraries stay open. */
void fmp__plugins_forget(void);

#endif
