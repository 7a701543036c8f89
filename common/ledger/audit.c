#include "common/ledger/audit.h"

#include <stdio.h>

void audit_trails(struct pg_unit *u, const char *of)
{
	/* Also of accounts whose lane is gone. */
	static const struct pg_sql sql = {"audit_trails",
		"WITH a AS (SELECT DISTINCT chain, signer FROM fairlead.slot"
		" UNION SELECT DISTINCT chain, signer FROM fairlead.refusal"
		" UNION SELECT c.id, decode(right(l.name, 40), 'hex') FROM fairlead.lane l"
		"   JOIN fairlead.chain c ON split_part(l.name, ':', 2) = c.network::text WHERE l.name LIKE 'send:%')"
		" SELECT a.chain, coalesce(l.signer, ''), c.name, c.network, a.signer, coalesce(l.links, 0), l.link,"
		"   EXISTS (SELECT FROM fairlead.attempt t WHERE t.chain = a.chain AND t.signer = a.signer"
		"             AND t.seq > coalesce(l.links, 0))"
		"   OR EXISTS (SELECT FROM fairlead.refusal t WHERE t.chain = a.chain AND t.signer = a.signer"
		"             AND t.seq > coalesce(l.links, 0))"
		"  FROM a JOIN fairlead.chain c ON c.id = a.chain"
		"  LEFT JOIN fairlead.lane l ON lower(l.name) = 'send:' || c.network || ':0x' || encode(a.signer, "
		"'hex')"
		" WHERE $1::text IS NULL OR l.signer = $1 OR '0x' || encode(a.signer, 'hex') = lower($1)"
		" UNION ALL SELECT 0, 'people', '', NULL, NULL, h.links, h.link,"
		"   EXISTS (SELECT FROM fairlead.act t WHERE t.seq > h.links) FROM fairlead.act_head h WHERE $1 IS "
		"NULL"
		" ORDER BY 4 NULLS LAST, 2, 5"};
	pg_stmt(u, &sql);
	pg_put_text(u, of);
}

void audit_trail_read(const struct pg_reply *r, int stmt, int row, struct audit_trail *out)
{
	*out = (struct audit_trail){.chain = (int)pg_get_int(r, stmt, row, 0)};
	snprintf(out->name, sizeof out->name, "%s", pg_get_text(r, stmt, row, 1));
	snprintf(out->chain_name, sizeof out->chain_name, "%s", pg_get_text(r, stmt, row, 2));
	if (out->chain) {
		out->network = pg_get_u256(r, stmt, row, 3);
		must(pg_get_bytes(r, stmt, row, 4, out->signer, 20));
	}
	out->links = pg_get_int(r, stmt, row, 5);
	if (!pg_get_bytes(r, stmt, row, 6, out->link, 32))
		memset(out->link, 0, 32);
	out->behind = pg_get_bool(r, stmt, row, 7);
}

/* Rows as (seq, link, text, what, nonce, hash, fee, tip, raw); SEQ stands in the text for the number. */
#define US "(extract(epoch FROM t.at) * 1000000)::bigint"
#define ATTEMPTS(SEQ)                                                                                        \
	"SELECT t.seq, t.link, concat_ws('|', 'attempt', t.chain, encode(t.signer, 'hex'), t.kind, " US ", " SEQ \
	", t.nonce, t.n, encode(t.hash, 'hex'), t.fee, t.tip,"                                                   \
	" ARRAY(SELECT x.item FROM fairlead.attempt_item x WHERE x.hash = t.hash ORDER BY x.item)::text, "       \
	"t.reason) AS text,"                                                                                     \
	" format('attempt %s of nonce %s, 0x%s', t.n, t.nonce, encode(t.hash, 'hex')) AS what, t.nonce, t.hash," \
	" t.fee, t.tip, t.raw FROM fairlead.attempt t WHERE t.chain = $1 AND t.signer = $2"
#define REFUSALS(SEQ)                                                                                        \
	"SELECT t.seq, t.link, concat_ws('|', 'refusal', t.chain, encode(t.signer, 'hex'), t.kind, " US ", " SEQ \
	", coalesce(t.batch::text, '-'), coalesce(t.nonce::text, '-'), t.reason),"                               \
	" format('the refusal of %s', to_char(t.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')), NULL::bigint," \
	" NULL::bytea, NULL::numeric, NULL::numeric, NULL::bytea"                                                \
	" FROM fairlead.refusal t WHERE t.chain = $1 AND t.signer = $2"
#define ACTS(SEQ)                                                                                        \
	"SELECT t.seq, t.link, concat_ws('|', 'act', " SEQ ", " US ", to_json(t.who), t.what,"               \
	" coalesce(t.item::text, '-'), coalesce(t.dead::text, '-'), coalesce(t.batch::text, '-'), "          \
	"to_json(t.of),"                                                                                     \
	" to_json(t.text)) AS text, format('%s of %s by %s', t.what, t.of, t.who) AS what, NULL::bigint AS " \
	"nonce,"                                                                                             \
	" NULL::bytea AS hash, NULL::numeric AS fee, NULL::numeric AS tip, NULL::bytea AS raw FROM "         \
	"fairlead.act t"                                                                                     \
	" WHERE true"
#define STRETCH(AFTER) " AND t.seq > " AFTER " AND t.seq <= " AFTER " + 200"

static void put_account(struct pg_unit *u, const struct audit_trail *t)
{
	pg_put_int(u, t->chain);
	pg_put_bytes(u, t->signer, 20);
}

void audit_rows(struct pg_unit *u, const struct audit_trail *t, int64_t after)
{
	static const struct pg_sql account = {"audit_rows",
		ATTEMPTS("t.seq") STRETCH("$3") " UNION ALL " REFUSALS("t.seq") STRETCH("$3") " ORDER BY seq"};
	static const struct pg_sql people = {"audit_acts", ACTS("t.seq") STRETCH("$1") " ORDER BY seq"};
	pg_stmt(u, t->chain ? &account : &people);
	if (t->chain)
		put_account(u, t);
	pg_put_int(u, after);
}

void audit_row_read(const struct pg_reply *r, int stmt, int row, struct audit_row *out, struct buf *raw)
{
	*out = (struct audit_row){.seq = pg_get_int(r, stmt, row, 0),
		.text = pg_get(r, stmt, row, 2),
		.what = pg_get_text(r, stmt, row, 3),
		.is_attempt = !pg_is_null(r, stmt, row, 5),
		.nonce = pg_get_int(r, stmt, row, 4),
		.has_tip = !pg_is_null(r, stmt, row, 7)};
	out->has_link = pg_get_bytes(r, stmt, row, 1, out->link, 32);
	buf_clear(raw);
	if (!out->is_attempt)
		return;
	must(pg_get_bytes(r, stmt, row, 5, out->hash, 32));
	out->fee = pg_get_u256(r, stmt, row, 6);
	if (out->has_tip)
		out->tip = pg_get_u256(r, stmt, row, 7);
	pg_get_blob(r, stmt, row, 8, raw);
}

void audit_swapped(struct pg_unit *u, const struct audit_trail *t, int64_t seq, const uint8_t prev[32],
	bool has_prev, const uint8_t link[32])
{
#define FITS(ROWS, SEQ, PREV, LINK)                                          \
	"SELECT s.seq FROM (" ROWS ") s WHERE s.seq <> " SEQ " AND sha256(" PREV \
	" || convert_to(s.text, 'UTF8')) IN (s.link, " LINK ") ORDER BY s.seq LIMIT 1"
	static const struct pg_sql account = {
		"audit_swapped", FITS(ATTEMPTS("$3::bigint") " UNION ALL " REFUSALS("$3::bigint"), "$3::bigint",
							 "$4::bytea", "$5::bytea")};
	static const struct pg_sql people = {
		"audit_swapped_acts", FITS(ACTS("$1::bigint"), "$1::bigint", "$2::bytea", "$3::bytea")};
	pg_stmt(u, t->chain ? &account : &people);
	if (t->chain)
		put_account(u, t);
	pg_put_int(u, seq);
	pg_put_bytes(u, prev, has_prev ? 32 : 0);
	pg_put_bytes(u, link, 32);
}
