/* audit: the trail of an account as PostgreSQL has it (sql/025): its signed attempts and what was refused, in
 * the order in which they were written; and what people did. Only read here.
 *
 * Each row has a link: sha256(link of the row before ‖ text of this row). Who reads them in order can tell
 * whether one was edited, deleted or swapped (P23). The texts are made here, by statements of the program,
 * not by functions of the database that is looked at. */
#ifndef FAIRLEAD_LEDGER_AUDIT_H
#define FAIRLEAD_LEDGER_AUDIT_H

#include "common/io/pg.h"

struct audit_trail {
	int chain; /* fairlead.chain.id; 0: what people did */
	char name[64], chain_name[64];
	struct u256 network;
	uint8_t signer[20];
	int64_t links;    /* rows it has, */
	uint8_t link[32]; /* and the newest link; zero when there is none */
	bool behind;      /* there are rows above links: nothing that Fairlead does */
};
/* of: a signer's name or address; NULL: all of them, what people did last. One row each, of one moment. */
void audit_trails(struct pg_unit *u, const char *of);
void audit_trail_read(const struct pg_reply *r, int stmt, int row, struct audit_trail *out);

enum { AUDIT_ROWS = 200 };
/* The rows from behind `after` on, AUDIT_ROWS at most, in order. */
void audit_rows(struct pg_unit *u, const struct audit_trail *t, int64_t after);
struct audit_row {
	int64_t seq;
	bool has_link;
	uint8_t link[32];
	struct str text;  /* what its link was made of; borrowed, as all here */
	const char *what; /* for people: "attempt 2 of nonce 7" */
	bool is_attempt;
	int64_t nonce;
	uint8_t hash[32];
	struct u256 fee, tip;
	bool has_tip;
};
void audit_row_read(const struct pg_reply *r, int stmt, int row, struct audit_row *out, struct buf *raw);

/* Which other row would be right in the place of number seq, behind link prev? What stands there has `link`.
 * One row with its number, or none. */
void audit_swapped(struct pg_unit *u, const struct audit_trail *t, int64_t seq, const uint8_t prev[32],
	bool has_prev, const uint8_t link[32]);

#endif
