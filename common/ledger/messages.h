/* messages: what rules and requests publish, its numbers, and who reads it (sql/017).
 *
 * Written in the transaction of who publishes: compiled rules do that by themselves, a request by
 * messages_publish. The leader of lane `clock` numbers what is committed (INV-3); readers keep a cursor. */
#ifndef FAIRLEAD_LEDGER_MESSAGES_H
#define FAIRLEAD_LEDGER_MESSAGES_H

#include "common/app/config.h"
#include "common/io/pg.h"
#include "common/ledger/lane.h"

/* type: NULL when publish: has none. data: JSON. */
void messages_publish(struct pg_unit *u, const char *topic, const char *type, struct str data);
/* Does a rule of that chain's lane publish? */
bool messages_of_rules(const struct config *c, const char *chain);

/* The clock's. look: does one wait for a number? */
void messages_look(struct pg_unit *u);
bool messages_wait(const struct pg_reply *r, int stmt);
void messages_number(struct pg_unit *u, const struct lane *clock, int limit);
/* last: the newest number; returns how many were given. */
int64_t messages_numbered(const struct pg_reply *r, int stmt, int64_t *last);
void messages_prune(struct pg_unit *u, const struct lane *clock, uint64_t keep_ms);

/* The newest number, and the oldest that can still be read (newest + 1: none). */
void messages_ends(struct pg_unit *u);
void messages_ends_read(const struct pg_reply *r, int stmt, int64_t *newest, int64_t *oldest);

struct message_where { /* a field of data, or of its args; members by dots */
	const char *field, *value;
};
struct message_filter {
	const char *const *topics; /* one that ends in * is a beginning; none: all */
	size_t ntopics;
	const struct message_where *where; /* of one field several values: one of them */
	size_t nwhere;
};
/* The first `limit` messages with after < seq ≤ upto that pass, in order. filter may be NULL. */
void messages_read(
	struct pg_unit *u, int64_t after, int64_t upto, int limit, const struct message_filter *filter);
struct message { /* all borrowed for the callback */
	int64_t seq;
	struct str topic, type; /* type.p NULL: none */
	struct str data;        /* JSON on one line */
	bool retracted;
};
void messages_row(const struct pg_reply *r, int stmt, int row, struct message *out);

/* What rules may publish: topic, type (may be null), cause, final, schema (JSON), rule; in file order. */
void messages_topics(struct pg_unit *u);

#endif
