/* One life whole, and what people do to it by hand. */
#include "common/ledger/figures.h"

#define UNIX(x) "coalesce(fairlead.unix_ms(" x "), -1)"
#define BATCHES_OF_ITEM                                                   \
	"SELECT batch FROM fairlead.item WHERE id = $1 AND batch IS NOT NULL" \
	" UNION SELECT batch FROM fairlead.turn WHERE item = $1 AND batch IS NOT NULL"
/* Of every nonce that an attempt with the item in it was signed for: its cancel holds no item. */
#define ITEM_ATTEMPTS                                                          \
	"(SELECT DISTINCT a.chain, a.signer, a.nonce FROM fairlead.attempt_item x" \
	" JOIN fairlead.attempt a ON a.hash = x.hash WHERE x.item = $1) s"         \
	" JOIN fairlead.attempt a ON (a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce)"
/* The statements of a story, over attempts a. */
#define ATTEMPTS(of)                                                                           \
	"SELECT a.n, " UNIX(                                                                       \
		"a.at") ", a.fee::text, coalesce(a.tip, a.fee)::text, a.kind, coalesce(a.reason, '')," \
				" '0x' || encode(a.hash, 'hex'), a.nonce FROM " of " ORDER BY a.nonce, a.n LIMIT 100"
#define ANSWERS(of, which)                                                                     \
	"SELECT " UNIX("min(w.at)") ", a.n, w.endpoint, coalesce(w.answer, ''), count(*) FROM " of \
								" JOIN fairlead.sending w ON w.hash = a.hash WHERE " which     \
								" GROUP BY a.hash, a.n, w.endpoint, w.answer ORDER BY min(w.id) LIMIT 40"
#define VERDICTS(of)                                                                                         \
	"SELECT " UNIX("v.at") ", a.n, v.block, v.ok, v.gas_used, v.price::text, v.standing, v.final, a.nonce, " \
						   "coalesce(w.l1_fee, 0)::text FROM " of                                            \
						   " JOIN fairlead.standing v ON v.hash = a.hash LEFT JOIN fairlead.verdict w ON "   \
						   "(w.hash, w.block_hash) = (v.hash, v.block_hash) ORDER BY v.at LIMIT 20"

void story_ask(struct pg_unit *u, int64_t item)
{
	static const struct pg_sql sql[] = {
		{"story_life", "SELECT" LIFE_COLUMNS "FROM fairlead.lives_shown WHERE id = $1"},
		{"story_turns",
			"SELECT " UNIX(
				"at") ", state, coalesce(was, ''), coalesce(reason, ''), coalesce(batch, -1), '', "
					  "'', '' FROM fairlead.turn WHERE item = $1"
					  " UNION ALL SELECT " UNIX(
						  "at") ", 'act', '', '', -1, who, what, text FROM fairlead.act WHERE "
								"item = $1"
								" UNION ALL SELECT " UNIX(
									"c.at") ", 'act', '', '', -1, c.who, c.what, c.text FROM "
											"(" BATCHES_OF_ITEM ") b JOIN fairlead.act c USING (batch)"
											" UNION ALL SELECT " UNIX(
												"o.ended") ", 'order', '', o.how, -1, '', '', '' FROM "
														   "(" BATCHES_OF_ITEM
														   ") b JOIN fairlead.slot_order o USING (batch) "
														   "WHERE o.ended IS NOT NULL"
														   " ORDER BY 1 LIMIT 200"},
		{"story_attempts", ATTEMPTS(ITEM_ATTEMPTS)},
		{"story_refused", ANSWERS(ITEM_ATTEMPTS, "w.answer IS NOT NULL")},
		{"story_verdicts", VERDICTS(ITEM_ATTEMPTS)},
		{"story_batch",
			"SELECT " UNIX("b.at") ", b.items, (SELECT count(*) FROM fairlead.item o WHERE o.batch = b.id "
								   "AND (o.turn, o.ordinal, o.id) <= (i.turn, i.ordinal, i.id)),"
								   " coalesce(d.max, 0), coalesce(d.wait_ms, 0), b.state, coalesce(b.reason, "
								   "'') FROM fairlead.item i JOIN fairlead.batch b ON b.id = i.batch"
								   " LEFT JOIN fairlead.batch_decl d ON d.name = b.name WHERE i.id = $1"},
		{"story_event", "SELECT '0x' || encode(e._tx, 'hex'), e._seq, format('%I.%I', d.contract, d.event), "
						"c.name, coalesce(fairlead.proof(e._chain, e._block), '')"
						" FROM fairlead.item i JOIN fairlead.event e ON e._chain = i.chain AND e._seq = "
						"i.cause JOIN fairlead.decl d ON d.rel = e.tableoid"
						" JOIN fairlead.chain c ON c.id = i.chain WHERE i.id = $1 AND i.cause <> 0 LIMIT 1"}};
	for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
		pg_stmt(u, &sql[i]);
		pg_put_int(u, item);
	}
}

#define EXPLAINED "fairlead.explained($1) e"
#define ITS_ATTEMPTS \
	EXPLAINED " JOIN fairlead.attempt a ON (a.chain, a.signer, a.nonce) = (e.chain, e.signer, e.nonce)"
#define ITS_ITEMS                                                                                          \
	EXPLAINED " CROSS JOIN LATERAL (SELECT i.id FROM fairlead.item i WHERE i.batch = e.batch"              \
			  " UNION SELECT t.item FROM fairlead.turn t WHERE t.batch = e.batch) x JOIN fairlead.item i " \
			  "ON i.id = x.id"

void batch_story_ask(struct pg_unit *u, const char *of)
{
	static const struct pg_sql sql[] = {
		{"explain_head",
			"SELECT coalesce(e.batch, -1), coalesce(b.name, ''), coalesce(b.state, ''), coalesce(b.reason, "
			"''), "
			"coalesce(b.items, 0), " UNIX("b.at") ", " UNIX(
				"b.mined") ", coalesce(b.pool, ''), coalesce('0x' || "
						   "encode(e.signer, 'hex'), ''), coalesce(e.nonce, -1), coalesce(s.closed, ''), "
						   "coalesce(s.closed_block, -1), coalesce(d.max, 0), coalesce(d.wait_ms, 0), "
						   "coalesce(i.key, ''), "
						   "coalesce(i.batch_of, ''), coalesce(i.state, ''), coalesce(i.reason, ''),"
						   " coalesce((SELECT o.note FROM fairlead.slot_order o WHERE o.batch = e.batch AND "
						   "o.ended IS NULL "
						   "ORDER BY o.id DESC LIMIT 1), ''), coalesce((SELECT " UNIX(
							   "min(i.made)") " FROM fairlead.item i WHERE "
											  "i.batch = e.batch), -1)"
											  " FROM " EXPLAINED
											  " LEFT JOIN fairlead.batch b ON b.id = e.batch"
											  " LEFT JOIN fairlead.slot s ON (s.chain, s.signer, s.nonce) = "
											  "(e.chain, e.signer, e.nonce)"
											  " LEFT JOIN fairlead.batch_decl d ON d.name = b.name LEFT JOIN "
											  "fairlead.item i ON i.id = e.item LIMIT 2"},
		{"explain_items",
			"SELECT i.key, coalesce(d.title, ''), coalesce('0x' || encode(v._tx, 'hex'), ''), "
			"coalesce(v._block, -1), " UNIX(
				"coalesce(v._at, i.made)") " FROM " ITS_ITEMS
										   " LEFT JOIN fairlead.event v ON v._chain = i.chain AND v._seq = "
										   "i.cause LEFT JOIN fairlead.decl d ON "
										   "d.rel = v.tableoid ORDER BY i.turn, i.ordinal, i.id LIMIT 1000"},
		{"explain_attempts", ATTEMPTS(ITS_ATTEMPTS)}, {"explain_answers", ANSWERS(ITS_ATTEMPTS, "true")},
		{"explain_verdicts", VERDICTS(ITS_ATTEMPTS)},
		{"explain_turns",
			"SELECT " UNIX(
				"min(t.at)") ", t.state, '', coalesce(t.reason, ''), -1, '', '', '' FROM " EXPLAINED
							 " JOIN fairlead.turn t ON t.batch = e.batch GROUP BY t.state, "
							 "coalesce(t.reason, '')"
							 " UNION ALL SELECT " UNIX(
								 "c.at") ", 'act', '', '', -1, c.who, c.what, c.text FROM " EXPLAINED
										 " JOIN fairlead.act c ON c.batch = e.batch"
										 " UNION ALL SELECT " UNIX(
											 "o.ended") ", 'order', '', o.how, -1, '', '', '' FROM " EXPLAINED
														" JOIN fairlead.slot_order o ON o.batch = e.batch "
														"AND o.ended IS NOT NULL "
														" UNION ALL SELECT " UNIX(
															"k.at") ", 'order', '', "
																	"fairlead.reason('used_by_' || k.kind, "
																	"'block', k.block::text,"
																	" 'tx', '0x' || encode(k.tx, 'hex'), "
																	"'by', '0x' || encode(k.by, 'hex')), -1, "
																	"'', '', '' FROM " EXPLAINED
																	" JOIN fairlead.consumed k ON (k.chain, "
																	"k.signer, k.nonce) = (e.chain, "
																	"e.signer, e.nonce) ORDER BY 1 LIMIT "
																	"40"}};
	for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
		pg_stmt(u, &sql[i]);
		pg_put_text(u, of);
	}
}

void letter_ask(struct pg_unit *u, int64_t letter)
{
	static const struct pg_sql sql = {"letter",
		"SELECT " UNIX("d.at") ", d.lane, d.what, coalesce(d.message, ''), coalesce(d.sqlstate, ''), "
							   "d.tries, coalesce(d.seq, -1),"
							   " coalesce((SELECT who FROM fairlead.act a WHERE a.dead = d.id ORDER BY id "
							   "DESC LIMIT 1), '') FROM fairlead.dead_letter d WHERE d.id = $1"};
	pg_stmt(u, &sql);
	pg_put_int(u, letter);
}

void strip_ask(struct pg_unit *u, int n)
{
	static const struct pg_sql sql = {"strip",
		"WITH e AS (SELECT coalesce(min(at), fairlead.quarter_of(clock_timestamp())) AS a, clock_timestamp() "
		"AS b FROM fairlead.quarter),"
		" w AS (SELECT a, b, greatest(extract(epoch FROM b - a) / $1::int, 900) AS step FROM e),"
		" t AS (SELECT at, lives, parked, taken, newest FROM fairlead.quarter UNION ALL"
		" SELECT fairlead.quarter_of(made), count(*), 0, 0, max(id) FROM fairlead.item WHERE id > (SELECT "
		"item FROM fairlead.tally) GROUP BY 1 UNION ALL"
		" SELECT fairlead.quarter_of(at), 0, count(*) FILTER (WHERE state = 'parked'), count(*) FILTER "
		"(WHERE state = 'taken'), NULL FROM fairlead.turn"
		" WHERE id > (SELECT turn FROM fairlead.tally) GROUP BY 1)"
		" SELECT " UNIX("w.a") ", " UNIX("w.b") ", floor(extract(epoch FROM w.a) * 1000 + g.n * w.step * "
												"1000)::bigint, coalesce(sum(t.lives), 0)::bigint,"
												" coalesce(sum(t.parked), 0)::bigint, coalesce(sum(t.taken), "
												"0)::bigint, coalesce(max(t.newest), -1)"
												" FROM w CROSS JOIN LATERAL generate_series(0, "
												"ceil(extract(epoch FROM w.b - w.a) / w.step)::int - 1) g(n)"
												" LEFT JOIN t ON t.at >= w.a + g.n * w.step * interval '1 s' "
												"AND t.at < w.a + (g.n + 1) * w.step * interval '1 s'"
												" GROUP BY w.a, w.b, w.step, g.n ORDER BY g.n"};
	pg_stmt(u, &sql);
	pg_put_int(u, n);
}

void routes_ask(struct pg_unit *u)
{
	static const struct pg_sql sql = {"routes",
		"SELECT labels->>'route', sum(value)::bigint, coalesce(sum(value) FILTER (WHERE labels->>'status' = "
		"'4xx'), 0)::bigint,"
		" coalesce(sum(value) FILTER (WHERE labels->>'status' = '5xx'), 0)::bigint FROM fairlead.counter"
		" WHERE name = 'fairlead_http_requests_total' AND labels->>'route' NOT LIKE '%/\\_fairlead/%' GROUP "
		"BY 1 ORDER BY 2 DESC LIMIT 40"};
	pg_stmt(u, &sql);
}

/* The items that an act means: one, or what is parked for the cause of that one. */
#define MEANT                                                                                                \
	"ARRAY(SELECT o.id FROM fairlead.item i JOIN fairlead.item o ON o.id = i.id OR ($4::bool AND o.state = " \
	"'parked'"                                                                                               \
	" AND i.state = 'parked' AND o.batch_of = i.batch_of AND " WITHOUT_KEY("o") " = " WITHOUT_KEY(           \
		"i") ") WHERE i.id = $3::bigint)"
#define WITHOUT_KEY(t) \
	"regexp_replace(coalesce(" t ".reason, ''), ' (key|tx|block)=(\"([^\"\\\\]|\\\\.)*\"|\\S+)', '', 'g')"

static void put_act(struct pg_unit *u, const char *who, const char *of, int64_t item, bool group)
{
	pg_put_text(u, who);
	pg_put_text(u, of);
	pg_put_int(u, item);
	pg_put_bool(u, group);
}

void act_retry_ask(struct pg_unit *u, const char *who, const char *of, int64_t item, bool group)
{
	static const struct pg_sql sql = {
		"act_retry", "SELECT coalesce(sum(n), 0)::bigint FROM fairlead.act_retry($1, $2, " MEANT ")"};
	pg_stmt(u, &sql);
	put_act(u, who, of, item, group);
}

void act_drop_ask(
	struct pg_unit *u, const char *who, const char *of, int64_t item, bool group, int64_t letter)
{
	static const struct pg_sql sql = {
		"act_drop", "SELECT fairlead.act_drop($1, $2, " MEANT ", ARRAY[$5::bigint])"};
	pg_stmt(u, &sql);
	put_act(u, who, of, item, group);
	pg_put_int(u, letter);
}

void act_flush_ask(struct pg_unit *u, const char *who, const char *batch)
{
	static const struct pg_sql sql = {"act_flush", "SELECT fairlead.act_flush($1, $2)"};
	pg_stmt(u, &sql);
	pg_put_text(u, who);
	pg_put_text(u, batch);
}
