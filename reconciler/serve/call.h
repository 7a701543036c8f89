/* call: asks chains for a list of `name: call` and makes names of the answers: before the SQL of a route, or
 * as a step. Calls that don't need each other are asked at the same time; a call of pure words asks nobody.
 */
#ifndef FAIRLEAD_SERVE_CALL_H
#define FAIRLEAD_SERVE_CALL_H

#include "common/app/config.h"
#include "common/io/loop.h"
#include "reconciler/serve/names.h"

struct call_desk; /* the endpoints */
struct call_desk *call_desk_open(struct loop *l, const struct config *c);
void call_desk_close(struct call_desk *d); /* what runs is answered in a later turn */

enum call_outcome { CALL_DONE, CALL_REVERTS, CALL_LOST, CALL_BAD /* a value that the contract can't take */ };
/* detail: a sentence for the peer; inner: for the log, may be NULL. */
typedef void (*call_done_fn)(void *arg, enum call_outcome o, const char *detail, const struct err *inner);
/* names and their arena live until fn, which runs exactly once, maybe inside this call when nobody is asked.
 */
void call_run(struct call_desk *d, const struct call_decl *calls, size_t n, struct serve_names *names,
	call_done_fn fn, void *arg);

#endif
