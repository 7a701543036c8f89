/* wishes: what requests asked a program to do out of turn (sql/018, 021), as who obeys reads it and takes it
 * away. They are rung as NOTIFY fairlead_wish (member.h); a wish stands until it is done, so a bell that was
 * missed costs time only.
 *
 * No call waits for a row that a request holds: what is held is rung again when that request commits.
 * Not here: wishing (requests.h). */
#ifndef FAIRLEAD_LEDGER_WISHES_H
#define FAIRLEAD_LEDGER_WISHES_H

#include "common/io/pg.h"
#include "common/ledger/requests.h"

struct wish_row {
	int64_t id; /* 0: none */
	bool has_from;
	int64_t from;             /* a block; 0 and below: the start */
	struct str subject, kind; /* borrowed for the callback */
};
/* All of a kind or of two (the same twice: of one); subject NULL: of every subject. A row each, in the order
 * in which they were wished. */
void wishes_look(struct pg_unit *u, enum wish w, enum wish other, const char *subject);
bool wishes_is(const struct wish_row *r, enum wish w);
void wishes_read(const struct pg_reply *r, int stmt, int row, struct wish_row *out);

/* In the transaction in which the work begins, and in the one in which it is done. One that asks for more
 * since it began is left. */
void wishes_begin(struct pg_unit *u, int64_t id);
void wishes_end(struct pg_unit *u, int64_t id);

/* Before the cut of a batch in the same unit: the cut obeys what is taken here, for it sees all that was
 * committed with it. Left where more than `most` items wait: the cut does not reach its end. */
void wishes_flush(struct pg_unit *u, const char *batch, int64_t most);

#endif
