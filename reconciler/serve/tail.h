/* tail: reads the log of messages behind its end, as it is rung and once a second, and gives it to the hub;
 * and answers what the hub asks of the past. On a connection of its own: what the clock does never delays
 * it. */
#ifndef FAIRLEAD_SERVE_TAIL_H
#define FAIRLEAD_SERVE_TAIL_H

#include "common/bus/bus.h"
#include "reconciler/serve/topics.h"

struct tail;
struct tail_options {
	struct loop *loop;
	struct bus *bus;
	const struct config *config;
	const char *conninfo;
	/* What the rules may publish (messages_topics), each time the connection is made: the first statement. */
	void (*on_topics)(void *arg, const struct pg_reply *r);
	void *arg;
};
/* PostgreSQL is there and installed. */
struct tail *tail_open(const struct tail_options *o, struct hub *h);
void tail_read(struct tail *t, const struct hub_read *r); /* hub_options.read */
void tail_close(struct tail *t);                          /* the hub hears nothing more of it */

#endif
