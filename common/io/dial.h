/* dial: a connection to an endpoint: its name is looked up, its addresses are tried one after the other, TLS
 * where the URL wants it; then bytes go both ways. (libuv)
 *
 * TCP, TLS, and what must be said until dial_settle have 10 s each. A connection that ends before that gives
 * its address up: on_up comes again, of the next. Whoever dialled decides about trying again. */
#ifndef FAIRLEAD_IO_DIAL_H
#define FAIRLEAD_IO_DIAL_H

#include "common/io/endpoint.h"
#include "common/io/loop.h"

#include <stddef.h>

struct dial;
struct dial_events {
	void (*on_up)(void *arg);
	void (*on_bytes)(void *arg, const char *bytes, size_t n); /* borrowed */
	/* Not reached, lost, or closed; exactly once, then the dial is gone. "host:port" stands before the text;
	 * of several addresses it is why the one failed that got furthest. code: errno of what cut a connection
	 * that stood (EPROTO: TLS did); 0: the peer ended it. */
	void (*on_end)(void *arg, const struct err *e);
	void *arg;
};
struct dial *dial_open(struct loop *l, const struct endpoint *at, const struct dial_events *ev);

/* Behind on_up. Leaves at once if the kernel takes it; what it does not take is copied and follows. */
void dial_send(struct dial *d, const void *bytes, size_t n);
size_t dial_unsent(const struct dial *d); /* bytes that wait for the kernel */
/* What has come: now, not 40 ms later (RFC 1122, 4.2.3.2); does not last. */
void dial_acknowledge(struct dial *d);
void dial_settle(struct dial *d); /* this address serves: no other is tried any more */
void dial_next(struct dial *d);   /* it does not: on_up of the next follows, or on_end */

void dial_close(struct dial *d); /* any time: on_end follows in a later turn, no other event */

#endif
