/* rpc_route: whose message is this? Reads a JSON-RPC message in the pieces in which it comes until its id, or
 * the first id of a batch, is known. Pure. (yajl) */
#ifndef FAIRLEAD_IO_RPC_ROUTE_H
#define FAIRLEAD_IO_RPC_ROUTE_H

#include "common/base/str.h"

enum route {
	ROUTE_MORE,    /* not known yet */
	ROUTE_ID,      /* *id of an answer */
	ROUTE_NOTHING, /* it answers nobody: a notification, or no JSON-RPC */
};
struct rpc_route;
struct rpc_route *rpc_route_new(void);
/* Says the same again once it knows. */
enum route rpc_route_feed(struct rpc_route *r, struct str piece, uint64_t *id);
void rpc_route_free(struct rpc_route *r); /* NULL: nothing */

#endif
