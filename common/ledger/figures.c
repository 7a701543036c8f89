#include "common/ledger/figures.h"

#include <string.h>

#define UNIX(x) "coalesce(fairlead.unix_ms(" x "), -1)"

static const struct pg_sql sql_self = {"figures_self",
	"SELECT " UNIX("clock_timestamp()") ", current_setting('server_version'), v.schema::text, " UNIX(
		"a.at") " FROM"
				" fairlead.version v LEFT JOIN fairlead.application a ON true"};
static const struct pg_sql sql_chains = {"figures_chains",
	"SELECT c.name, coalesce(c.network::text, ''), coalesce(c.halted, ''),"
	" coalesce((SELECT min(level) FROM fairlead.range g WHERE g.chain = c.id AND g.source = ''), ''),"
	" coalesce(c.head, -1), c.done, c.final, c.lag, " UNIX(
		"b.at") ","
				" (SELECT coalesce(sum(live + swept), 0) FROM fairlead.decl d WHERE d.chain = c.id)::bigint,"
				" " UNIX("o.at") ", coalesce(o.events, 0), 0, c.listening, c.catching_up"
								 " FROM fairlead.chains c LEFT JOIN fairlead.block b ON b.chain = c.id AND "
								 "b.number = c.done"
								 " LEFT JOIN LATERAL (SELECT at, events FROM fairlead.reorg o WHERE o.chain "
								 "= c.id AND o.reason = 'reorg'"
								 " ORDER BY seq DESC LIMIT 1) o ON true ORDER BY c.id LIMIT 16"};
static const struct pg_sql sql_endpoints = {"figures_endpoints",
	"SELECT c.name, e.name, e.role, CASE WHEN l.until > clock_timestamp() THEN e.state ELSE 'unknown' END,"
	" coalesce(e.error, ''), coalesce(e.lag, -1), coalesce(e.latency_us, -1), coalesce(e.range_cap, -1), "
	"e.requests"
	" FROM fairlead.endpoint e JOIN fairlead.chain c ON c.id = e.chain JOIN fairlead.lane l ON l.name = "
	"'listen:' || c.name"
	" WHERE e.retired IS NULL AND c.retired IS NULL ORDER BY c.id, e.place LIMIT 32"};
static const struct pg_sql sql_batches = {"figures_batches",
	"SELECT coalesce(sum(pending), 0)::bigint, coalesce(sum(parked), 0)::bigint, coalesce(sum(ready), "
	"0)::bigint,"
	" coalesce(sum(done), 0)::bigint, " UNIX("min(due)") " FROM fairlead.batches"};
/* What is ready or bound is few, however much there was. */
static const struct pg_sql sql_flight = {"figures_flight",
	"SELECT coalesce(sum(items) FILTER (WHERE mined IS NULL), 0)::bigint, count(*) FILTER (WHERE mined IS "
	"NULL AND state = 'bound'),"
	" coalesce(sum(items) FILTER (WHERE mined IS NOT NULL), 0)::bigint, " UNIX(
		"min(at) FILTER (WHERE mined IS NULL)") ","
												" " UNIX("max(mined)") " FROM (SELECT * FROM fairlead.batch "
																	   "WHERE state IN ('ready', 'bound') "
																	   "ORDER BY id DESC LIMIT 5000) b"};
static const struct pg_sql sql_speed = {"figures_speed",
	"SELECT coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY ms), -1)::bigint, coalesce(max(ms), "
	"-1)::bigint,"
	" " UNIX(
		"max(mined)") " FROM (SELECT round(extract(epoch FROM b.mined - i.made) * 1000) AS ms, b.mined"
					  " FROM (SELECT id, mined FROM fairlead.batch WHERE mined > clock_timestamp() - "
					  "interval '1 hour' AND id > (SELECT coalesce(max(id), 0) - 300 FROM fairlead.batch)) b"
					  " CROSS JOIN LATERAL (SELECT made FROM fairlead.item WHERE batch = b.id ORDER BY id "
					  "LIMIT 20) i) s"};
static const struct pg_sql sql_counts = {"figures_counts",
	"SELECT y.lives + (SELECT count(*) FROM fairlead.item WHERE id > y.item),"
	" y.odd + (SELECT count(*) FILTER (WHERE first) FROM fairlead.turn WHERE id > y.turn),"
	" y.taken + (SELECT count(*) FILTER (WHERE state = 'taken') FROM fairlead.turn WHERE id > y.turn),"
	" (SELECT count(*) FROM (SELECT FROM fairlead.dead_letter WHERE cured IS NULL LIMIT 1001) d),"
	" (SELECT " UNIX(
		"max(at)") " FROM (SELECT at FROM fairlead.turn WHERE state = 'raised' ORDER BY id DESC LIMIT 1) t)"
				   " FROM fairlead.tally y"};
static const struct pg_sql sql_unheld = {"figures_unheld",
	"SELECT " UNIX("max(until) FILTER (WHERE name LIKE 'listen:%' AND name NOT "
				   "LIKE '%:%:%')") ", bool_or(until > clock_timestamp()) FILTER "
									"(WHERE name LIKE 'listen:%'),"
									" " UNIX("max(until) FILTER (WHERE name LIKE "
											 "'apply:%')") ", bool_or(until > "
														   "clock_timestamp()) FILTER "
														   "(WHERE name LIKE 'apply:%'),"
														   " " UNIX("max(until) FILTER "
																	"(WHERE name LIKE "
																	"'send:%')") ", "
																				 "bool_or("
																				 "until > "
																				 "clock_"
																				 "timestamp()"
																				 ") FILTER "
																				 "(WHERE "
																				 "name LIKE "
																				 "'send:%'),"
																				 " " UNIX("max("
																						  "until) "
																						  "FILTER "
																						  "(WHERE "
																						  "name = "
																						  "'clock'"
																						  ")") ", "
																							   "bo"
																							   "ol"
																							   "_o"
																							   "r("
																							   "un"
																							   "ti"
																							   "l "
																							   "> "
																							   "cl"
																							   "oc"
																							   "k_"
																							   "ti"
																							   "me"
																							   "st"
																							   "am"
																							   "p("
																							   "))"
																							   " F"
																							   "IL"
																							   "TE"
																							   "R "
																							   "(W"
																							   "HE"
																							   "RE"
																							   " n"
																							   "am"
																							   "e "
																							   "= "
																							   "'c"
																							   "lo"
																							   "ck"
																							   "')"
																							   " F"
																							   "RO"
																							   "M "
																							   "fa"
																							   "ir"
																							   "le"
																							   "ad"
																							   ".l"
																							   "an"
																							   "e"};
static const struct pg_sql sql_signers = {"figures_signers",
	"SELECT right(l.name, 42), l.at, coalesce(s.open, 0), coalesce(s.unmined, 0), coalesce(s.oldest, -1) "
	"FROM fairlead.lane l"
	" LEFT JOIN LATERAL (SELECT count(*) AS open, count(*) FILTER (WHERE b.mined IS NULL) AS unmined,"
	" " UNIX("min(s.at) FILTER (WHERE b.mined IS NULL)") " AS oldest FROM (SELECT batch, at FROM "
														 "fairlead.slot s WHERE s.closed IS NULL AND"
														 " s.chain::text = split_part(l.name, ':', 2) AND "
														 "s.signer = decode(right(l.name, 40), 'hex') LIMIT "
														 "5000) s"
														 " LEFT JOIN fairlead.batch b ON b.id = s.batch) s "
														 "ON true WHERE l.name LIKE 'send:%' AND l.since IS "
														 "NOT NULL ORDER BY l.name LIMIT 16"};
/* One line a cause: a reason without its key. */
static const struct pg_sql sql_groups = {"figures_groups",
	"SELECT false, batch_of, (array_agg(reason ORDER BY id DESC))[1], array_to_string((array_agg(key ORDER "
	"BY id))[1:3], E'\\x1f'),"
	" count(*), " UNIX(
		"min(turned)") ", max(id), -1::bigint, max(tries), ''"
					   " FROM (SELECT id, batch_of, key, turned, tries, coalesce(reason, '') AS reason FROM "
					   "fairlead.item WHERE state = 'parked' ORDER BY batch_of, id LIMIT 5000) p"
					   " GROUP BY batch_of, regexp_replace(reason, ' "
					   "(key|tx|block)=(\"([^\"\\\\]|\\\\.)*\"|\\S+)', '', 'g')"
					   " UNION ALL (SELECT true, coalesce(i.batch_of, ''), coalesce(d.message, ''), "
					   "coalesce(i.key, coalesce(d.seq::text, '')), 1, " UNIX(
						   "d.at") ","
								   " coalesce(d.item, -1), CASE WHEN d.item IS NULL THEN d.id ELSE -1 END, "
								   "d.tries, d.what FROM fairlead.dead_letter d LEFT JOIN fairlead.item i ON "
								   "i.id = d.item"
								   " WHERE d.cured IS NULL ORDER BY d.id DESC LIMIT 12) ORDER BY 1, 6 DESC "
								   "LIMIT 24"};
static const struct pg_sql sql_lives = {"figures_lives",
	"SELECT" LIFE_COLUMNS
	"FROM (SELECT id AS page FROM fairlead.item ORDER BY id DESC LIMIT 60) p CROSS JOIN LATERAL (SELECT * "
	"FROM fairlead.lives_shown WHERE id = p.page OFFSET 0) l ORDER BY id DESC"};

static const struct pg_sql sql_frozen = {
	"figures_frozen", "SELECT signer, who, " UNIX("since") " FROM fairlead.freeze ORDER BY signer LIMIT 16"};

static const struct pg_sql *const fast[] = {&sql_self, &sql_chains, &sql_endpoints, &sql_batches, &sql_flight,
	&sql_speed, &sql_counts, &sql_unheld, &sql_signers, &sql_groups, &sql_lives, &sql_frozen};
enum {
	SELF,
	CHAINS,
	ENDPOINTS,
	BATCHES,
	FLIGHT,
	SPEED,
	COUNTS,
	UNHELD,
	SIGNERS,
	GROUPS,
	LIVES,
	FROZEN,
	FAST
};
_Static_assert(sizeof fast / sizeof *fast == FAST, "a name for each");

void figures_init(struct figures *f)
{
	memset(f, 0, sizeof *f);
	f->at = f->due = f->median_ms = f->slowest_ms = f->oldest_sent = f->last_mined = f->last_raised = -1;
	for (int i = 0; i < 4; i++)
		f->unheld[i] = -1;
}

void figures_fini(struct figures *f)
{
	arena_fini(&f->mem);
	arena_fini(&f->slow_mem);
}

void figures_probe(struct pg_unit *u)
{
	static const struct pg_sql sql = {"figures_probe",
		"SELECT (SELECT coalesce(sum(at + made + failed), 0) FROM fairlead.lane)::bigint * 31 + (SELECT "
		"coalesce(max(id), 0) FROM fairlead.item) * 7 + (SELECT coalesce(max(id), 0) FROM fairlead.act) * 5"
		" + (SELECT coalesce(max(id), 0) FROM fairlead.batch) * 3 + (SELECT coalesce(max(id), 0) FROM "
		"fairlead.turn)"
		" + (SELECT coalesce(sum(done), 0) FROM fairlead.chain)::bigint + (SELECT coalesce(sum(done + "
		"failed), 0) FROM fairlead.batch_decl)::bigint"};
	pg_stmt(u, &sql);
}

int64_t figures_probed(const struct pg_reply *r)
{
	return pg_get_int(r, 0, 0, 0);
}

void figures_ask(struct pg_unit *u)
{
	for (size_t i = 0; i < FAST; i++)
		pg_stmt(u, fast[i]);
}

static const char *text(struct arena *a, const struct pg_reply *r, int s, int row, int col)
{
	return arena_text(a, pg_get_text(r, s, row, col));
}

void life_take(struct life *l, struct arena *a, const struct pg_reply *r, int s, int row)
{
	int c = 0;
	*l = (struct life){.id = pg_get_int(r, s, row, c)};
	const char **texts[] = {&l->key, &l->batch_of, &l->state, &l->reason, &l->event, &l->event_tx, &l->signer,
		&l->closed, &l->fees, &l->batch_state};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = text(a, r, s, row, ++c);
	l->marks = (int)pg_get_int(r, s, row, ++c);
	int64_t *numbers[] = {&l->tries, &l->cause, &l->made, &l->turned, &l->due, &l->event_block, &l->event_log,
		&l->event_at, &l->batch, &l->nonce, &l->first_sent, &l->last_sent, &l->mined_block, &l->mined,
		&l->head, &l->chain_final};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		*numbers[i] = pg_get_int(r, s, row, ++c);
	l->ok = pg_get_bool(r, s, row, ++c);
}

static void take_chains(struct figures *f, const struct pg_reply *r)
{
	f->nchains = 0;
	for (int i = 0; i < pg_rows(r, CHAINS) && i < FIGURES_CHAINS; i++) {
		struct fig_chain *c = &f->chains[f->nchains++];
		const char **texts[] = {&c->name, &c->network, &c->halted, &c->level};
		int64_t *numbers[] = {&c->head, &c->done, &c->final, &c->lag, &c->at, &c->events, &c->reorg_at,
			&c->reorg_events, &c->gaps};
		for (int k = 0; k < 4; k++)
			*texts[k] = text(&f->mem, r, CHAINS, i, k);
		for (int k = 0; k < 9; k++)
			*numbers[k] = pg_get_int(r, CHAINS, i, 4 + k);
		c->listening = pg_get_bool(r, CHAINS, i, 13);
		c->catching_up = pg_get_bool(r, CHAINS, i, 14);
	}
	f->nendpoints = 0;
	for (int i = 0; i < pg_rows(r, ENDPOINTS) && i < FIGURES_ENDPOINTS; i++) {
		struct fig_endpoint *e = &f->endpoints[f->nendpoints++];
		const char **texts[] = {&e->chain, &e->name, &e->role, &e->state, &e->error};
		int64_t *numbers[] = {&e->lag, &e->latency_us, &e->range, &e->requests};
		for (int k = 0; k < 5; k++)
			*texts[k] = text(&f->mem, r, ENDPOINTS, i, k);
		for (int k = 0; k < 4; k++)
			*numbers[k] = pg_get_int(r, ENDPOINTS, i, 5 + k);
	}
}

static void take_flow(struct figures *f, const struct pg_reply *r)
{
	int64_t *batches[] = {&f->waiting, &f->parked, &f->ready, &f->done_batches, &f->due};
	int64_t *flight[] = {&f->sent_items, &f->sent_txs, &f->mined_items, &f->oldest_sent};
	int64_t *counts[] = {&f->all, &f->odd, &f->taken, &f->dead, &f->last_raised};
	for (int i = 0; i < 5; i++)
		*batches[i] = pg_get_int(r, BATCHES, 0, i);
	for (int i = 0; i < 4; i++)
		*flight[i] = pg_get_int(r, FLIGHT, 0, i);
	for (int i = 0; i < 5 && pg_rows(r, COUNTS) > 0; i++)
		*counts[i] = pg_get_int(r, COUNTS, 0, i);
	f->median_ms = pg_get_int(r, SPEED, 0, 0);
	f->slowest_ms = pg_get_int(r, SPEED, 0, 1);
	f->last_mined = pg_get_int(r, SPEED, 0, 2);
	f->flight = f->waiting + f->sent_items + f->mined_items;
	for (int i = 0; i < 4; i++) {
		bool held = pg_get_bool(r, UNHELD, 0, 2 * i + 1), known = !pg_is_null(r, UNHELD, 0, 2 * i + 1);
		f->unheld[i] = held || !known                        ? -1
					   : pg_get_int(r, UNHELD, 0, 2 * i) < 0 ? 0
															 : pg_get_int(r, UNHELD, 0, 2 * i);
	}
}

static void take_signers(struct figures *f, const struct pg_reply *r)
{
	f->nsigners = 0;
	for (int i = 0; i < pg_rows(r, SIGNERS) && i < FIGURES_SIGNERS; i++)
		f->signers[f->nsigners++] = (struct fig_signer){.address = text(&f->mem, r, SIGNERS, i, 0),
			.next = pg_get_int(r, SIGNERS, i, 1),
			.open = pg_get_int(r, SIGNERS, i, 2),
			.unmined = pg_get_int(r, SIGNERS, i, 3),
			.oldest = pg_get_int(r, SIGNERS, i, 4)};
}

static void take_frozen(struct figures *f, const struct pg_reply *r)
{
	f->nfrozen = 0;
	for (int i = 0; i < pg_rows(r, FROZEN) && i < FIGURES_SIGNERS; i++)
		f->frozen[f->nfrozen++] = (struct fig_frozen){.signer = text(&f->mem, r, FROZEN, i, 0),
			.who = text(&f->mem, r, FROZEN, i, 1),
			.since = pg_get_int(r, FROZEN, i, 2)};
}

static void take_groups(struct figures *f, const struct pg_reply *r)
{
	f->ngroups = 0;
	for (int i = 0; i < pg_rows(r, GROUPS) && i < FIGURES_GROUPS; i++)
		f->groups[f->ngroups++] = (struct fig_group){.dead = pg_get_bool(r, GROUPS, i, 0),
			.batch_of = text(&f->mem, r, GROUPS, i, 1),
			.reason = text(&f->mem, r, GROUPS, i, 2),
			.keys = text(&f->mem, r, GROUPS, i, 3),
			.n = pg_get_int(r, GROUPS, i, 4),
			.since = pg_get_int(r, GROUPS, i, 5),
			.newest = pg_get_int(r, GROUPS, i, 6),
			.letter = pg_get_int(r, GROUPS, i, 7),
			.tries = pg_get_int(r, GROUPS, i, 8),
			.what = text(&f->mem, r, GROUPS, i, 9)};
}

void figures_take(struct figures *f, const struct pg_reply *r)
{
	arena_reset(&f->mem);
	f->at = pg_get_int(r, SELF, 0, 0);
	f->version = text(&f->mem, r, SELF, 0, 1);
	f->schema = text(&f->mem, r, SELF, 0, 2);
	f->installed = pg_get_int(r, SELF, 0, 3);
	take_chains(f, r);
	take_flow(f, r);
	take_signers(f, r);
	take_frozen(f, r);
	take_groups(f, r);
	f->nlives = 0;
	for (int i = 0; i < pg_rows(r, LIVES) && i < FIGURES_LIVES; i++)
		life_take(&f->lives[f->nlives++], &f->mem, r, LIVES, i);
	f->loaded = true;
}

/* ── every ten seconds ── */

enum { DAY, STUCK, POINTS, SPENT };

void figures_ask_slow(struct pg_unit *u)
{
	static const struct pg_sql day = {"figures_day",
		"SELECT g.n::int, coalesce(q.lives, 0) + coalesce(t.n, 0), " UNIX(
			"g.at") " FROM"
					" (SELECT n, fairlead.quarter_of(clock_timestamp()) - (96 - n) * interval '15 min' AS at "
					"FROM generate_series(0, 96) n) g"
					" LEFT JOIN fairlead.quarter q ON q.at = g.at"
					" LEFT JOIN (SELECT fairlead.quarter_of(made) AS at, count(*) AS n FROM fairlead.item "
					"WHERE id > (SELECT item FROM fairlead.tally) GROUP BY 1) t"
					" ON t.at = g.at ORDER BY g.n"};
	static const struct pg_sql stuck = {"figures_stuck",
		"SELECT " UNIX("at") ", ms, reason FROM fairlead.stuck WHERE at > clock_timestamp() "
							 "- interval '1 day' ORDER BY at DESC LIMIT 16"};
	static const struct pg_sql points = {"figures_points",
		"(SELECT 0, " UNIX(
			"v.at") ", encode(a.signer, 'hex'), v.price::text, '' FROM fairlead.verdict v JOIN "
					"fairlead.attempt a ON a.hash = v.hash"
					" WHERE v.at > clock_timestamp() - interval '1 hour' AND NOT v.gone ORDER BY v.at DESC "
					"LIMIT 250)"
					" UNION ALL (SELECT 1, " UNIX(
						"a.at") ", encode(a.signer, 'hex'), a.fee::text, coalesce(p.fee::text, '') FROM "
								"fairlead.attempt a"
								" LEFT JOIN fairlead.attempt p ON (p.chain, p.signer, p.nonce, p.n) = "
								"(a.chain, a.signer, a.nonce, a.n - 1)"
								" WHERE a.at > clock_timestamp() - interval '1 hour' AND a.n > 1 ORDER BY "
								"a.at DESC LIMIT 60)"
								" UNION ALL (SELECT 2, " UNIX(
									"a.at") ", encode(s.signer, 'hex'), a.fee::text, '' FROM (SELECT * FROM "
											"fairlead.slot WHERE closed IS NULL ORDER BY nonce DESC LIMIT "
											"60) s"
											" JOIN LATERAL (SELECT at, fee FROM fairlead.attempt a WHERE "
											"(a.chain, a.signer, a.nonce) = (s.chain, s.signer, s.nonce) "
											"ORDER BY n DESC LIMIT 1) a ON true"
											" JOIN fairlead.batch b ON b.id = s.batch AND b.mined IS NULL)"};
	static const struct pg_sql spent = {"figures_spent",
		"SELECT coalesce(sum(price * gas_used + coalesce(l1_fee, 0)), 0)::text, coalesce((SELECT sum(lives) "
		"FROM fairlead.quarter "
		"WHERE at > clock_timestamp() - interval '1 day'), 0)::bigint"
		" FROM fairlead.verdict WHERE at > clock_timestamp() - interval '1 day' AND NOT gone"};
	pg_stmt(u, &day);
	pg_stmt(u, &stuck);
	pg_stmt(u, &points);
	pg_stmt(u, &spent);
}

void figures_take_slow(struct figures *f, const struct pg_reply *r)
{
	struct arena *a = &f->slow_mem;
	arena_reset(a);
	f->day_total = 0;
	for (int i = 0; i < pg_rows(r, DAY) && i < FIGURES_DAY; i++) {
		f->day[i] = pg_get_int(r, DAY, i, 1);
		f->day_total += f->day[i];
		if (i == 0)
			f->day_from = pg_get_int(r, DAY, i, 2);
	}
	f->nstuck = f->npoints = 0;
	for (int i = 0; i < pg_rows(r, STUCK) && i < FIGURES_STUCK; i++) {
		f->stuck[f->nstuck].at = pg_get_int(r, STUCK, i, 0);
		f->stuck[f->nstuck].ms = pg_get_int(r, STUCK, i, 1);
		f->stuck[f->nstuck++].reason = text(a, r, STUCK, i, 2);
	}
	for (int i = 0; i < pg_rows(r, POINTS) && i < FIGURES_POINTS; i++)
		f->points[f->npoints++] = (struct fig_point){.kind = (int)pg_get_int(r, POINTS, i, 0),
			.at = pg_get_int(r, POINTS, i, 1),
			.signer = text(a, r, POINTS, i, 2),
			.wei = text(a, r, POINTS, i, 3),
			.before = text(a, r, POINTS, i, 4)};
	f->spent_wei = text(a, r, SPENT, 0, 0);
	f->spent_items = pg_get_int(r, SPENT, 0, 1);
	f->slow_loaded = true;
}
