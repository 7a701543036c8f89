/* log_wire: how a log stands in JSON: one table for whole answers, streamed ones and the logs of receipts.
 * Inside common/evm only. */
#ifndef FAIRLEAD_EVM_LOG_WIRE_H
#define FAIRLEAD_EVM_LOG_WIRE_H

#include "common/evm/logs.h"
#include "common/evm/wire.h"

extern const struct wire_shape log_shape; /* of struct log */

#endif
