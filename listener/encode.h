/* encode: a log → one tuple of PostgreSQL's binary COPY format. Pure.
 *
 * The header columns come first, each of fixed size, so that what is only known later (the number, when the
 * turn of the row's range comes; the time of its block) is patched in place. Fields are as GRAMMAR §10 says
 * and equal, bit for bit, what rows.c writes as text. (PostgreSQL manual, COPY, "Binary Format") */
#ifndef FAIRLEAD_LISTENER_ENCODE_H
#define FAIRLEAD_LISTENER_ENCODE_H

#include "common/app/config.h"
#include "common/evm/logs.h"

struct encoder { /* one an event */
	const struct event_decl *event;
	const char *copy_sql; /* COPY "schema"."table" (_seq, _at, _block, …) FROM STDIN (FORMAT binary) */
	/* encode.c's own */
	struct arena mem, row; /* row: of the values of one log; reset by each encode_row */
	struct abi_value *values;
};
void encoder_init(struct encoder *e, const struct event_decl *event);
void encoder_fini(struct encoder *e);

struct encode_head {
	int64_t ordinal; /* into _seq; see rows_rebase */
	int chain_id;    /* fairlead.chain.id */
	bool open, swept, late;
};
/* Appends the tuple of log (identified) to out. Its time is the log's own, or 1970 where the log has none.
 * false + ERR_MALFORMED: the log is not of this declaration, or a number of it fits no column; out is as it
 * was. */
bool encode_row(
	struct buf *out, struct encoder *e, const struct log *log, const struct encode_head *h, struct err *err);

/* Patches; tuple points at the first byte that encode_row appended. */
void encode_set_seq(char *tuple, int64_t seq);
void encode_set_time(char *tuple, uint64_t seconds); /* what timestamptz can't hold becomes infinity */
int64_t encode_get_seq(const char *tuple);
uint64_t encode_get_time(const char *tuple); /* seconds */
int64_t encode_get_block(const char *tuple);

/* Tuples of one event, of one range. A zeroed one is ready. */
struct run_rows {
	struct buf bytes;
	size_t *at; /* where each tuple begins */
	size_t n, cap;
};
bool rows_put(struct run_rows *r, struct encoder *e, const struct log *log, const struct encode_head *h,
	struct err *err);                               /* encode_row, remembered */
void rows_rebase(struct run_rows *r, int64_t base); /* _seq = base + ordinal, for each */
static inline char *rows_tuple(const struct run_rows *r, size_t i)
{
	return r->bytes.p + r->at[i];
}
/* Where the id of tuple i stands in bytes. It is that of the log, until another is written there. */
size_t rows_id_at(const struct run_rows *r, size_t i);
void rows_clear(struct run_rows *r); /* empty, memory kept */
void rows_fini(struct run_rows *r);

#endif
