/* SPDX-License-Identifier: Apache-2.0 */
#ifndef INPUT_BATCH_QUEUE_H
#define INPUT_BATCH_QUEUE_H

#include "queue.h"

#define BATCH_QUEUE "batch_queue"

fmp_status batch_queue_register(const fmp_host *h, fmp_registry *r);
/* The ops that take a queue: next_batch, batch_queue_info, batch_queue_seek. */
fmp_status batch_queue_add_ops(const fmp_host *h, fmp_registry *r);

#endif
